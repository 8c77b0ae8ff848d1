package parsers

import (
	"strings"
	"testing"
)

func TestKeyPrefix(t *testing.T) {
	for name, want := range map[string]string{
		"": "",
		"wc_session_8a9b2c3d4e5f6g7h8i9j0k1l2m3n4o5p":                          "wc_session_",
		"wc_session_k9j8h7g6f5d4s3a2":                                          "wc_session_",
		"PHPREDIS_SESSION:abc":                                                 "PHPREDIS_SESSION:",
		"PHPREDIS_SESSION:hb3k2j1l4m5n6o7p8q9r0s1t2u":                          "PHPREDIS_SESSION:",
		"laravel_database_session:XYZ":                                         "laravel_database_session:",
		"laravel_database_Vf3kQ0bT8mXw2ZyPq7LrJc5NdHs1GaUe9YoKiR4t":            "laravel_database_",
		"laravel_session:233b1696dfcf7d2ccbf0413bf585ed23":                     "laravel_session:",
		"user:1234:sessions":                                                   "user:*:sessions",
		"user:1234":                                                            "user:",
		"1234:cart":                                                            "*:cart",
		"sess_4eaecad1ffbaa92ef0bc823c3de92041":                                "sess_",
		"sess_ab,cd-1234":                                                      "sess_",
		"sess:hT0c7Zq3vW9kXr1mYb5LpN8sJd2GfUa4":                                "sess:",
		"session:0b7e1f52-4a7d-4c0e-9b1a-6d2f8e3c5a90":                         "session:",
		"session:8a9b1c2d:lock":                                                "session:*:lock",
		"spring:session:sessions:expires:0b7e1f52-4a7d-4c0e-9b1a-6d2f8e3c5a90": "spring:session:sessions:expires:",
		"cache:wp:options:29c19a69":                                            "cache:wp:options:",
		"wp_cache_0e2c2c8791c9fdf02fda1b210590b52e":                            "wp_cache_",
		"fpc:38305fe9195663cb7a2caadad08bc467":                                 "fpc:",
		"celery-task-meta-0b7e1f52-4a7d-4c0e-9b1a-6d2f8e3c5a90":                "celery-task-meta-",
		"ratelimit:203.0.113.7":                                                "ratelimit:",
		"queue":                                                                "queue",
		"config:global:theme":                                                  "config:global:",
	} {
		if got := KeyPrefix(name); got != want {
			t.Errorf("KeyPrefix(%q) = %q, want %q", name, got, want)
		}
	}
}
func FuzzRedisKeys(f *testing.F) { fuzzParser(f, "redis-keys") }

// A value that redis-cli quoted is given as it is stored, with its length; source code is no listing of keys.
func TestKeyValuesAndSourceCode(t *testing.T) {
	in := "127.0.0.1:6379> GET sess:1a2b3c4d\n\"a:1:{s:4:\\\"cart\\\";s:0:\\\"\\\";}\"\n127.0.0.1:6379> TTL sess:1a2b3c4d\n(integer) -1\n"
	p, _ := ByName("redis-keys")
	err := Read(p, &Source{Name: "keys", R: strings.NewReader(in)}, func(r Record) {
		if k := r.Fact.(*Key); k.Value != `a:1:{s:4:"cart";s:0:"";}` || k.Len != Some(24) || k.TTL != Some(-1) {
			t.Errorf("got %+v", k)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	php := "<?php\nclass Kernel {\n    'web' => [\n        \\App\\Http\\Middleware\\EncryptCookies::class,\n        \\App\\Http\\Middleware\\VerifyCsrfToken::class,\n    ],\n}\n"
	if got, ok := Detect("Kernel.php", []byte(php)); ok {
		t.Errorf("source code is taken for %s", got.Name)
	}
}
