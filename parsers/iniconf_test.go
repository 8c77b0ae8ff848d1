package parsers

import "testing"

func FuzzPHPFPMPool(f *testing.F) { fuzzParser(f, "php-fpm-pool") }
func FuzzPHPINI(f *testing.F)     { fuzzParser(f, "php-ini") }
func FuzzMyCnf(f *testing.F)      { fuzzParser(f, "my-cnf") }
func FuzzPHPFPMLog(f *testing.F)  { fuzzParser(f, "php-fpm-log") }
func FuzzMySQLLog(f *testing.F)   { fuzzParser(f, "mysql-log") }

func TestINIValue(t *testing.T) {
	f := func(d iniDialect, in, want string) {
		t.Helper()
		if got := d.value(in); got != want {
			t.Errorf("%s %q: %q, want %q", d.system, in, got, want)
		}
	}
	f(mysqlINI, `'SET NAMES utf8; SELECT 1'`, "SET NAMES utf8; SELECT 1")
	f(mysqlINI, `a;b # why`, "a;b")
	f(poolINI, `50   ; why 50`, "50")
	f(phpINI, `"tcp://h?auth=a;b" ; why`, "tcp://h?auth=a;b")
	f(phpINI, `"`, `"`)
}

func TestBlankURLSecret(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := blankURLSecret(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	f("tcp://h:6379?auth=s3&database=2", "tcp://h:6379?auth=***&database=2")
	f("redis://user:s3@h:6379/0", "redis://user:***@h:6379/0")
	f("redis://:s3@h", "redis://:***@h")
	f("redis://h:6379/0", "redis://h:6379/0")
}
