# Django: sessions in Redis
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": "redis://:hunter2@127.0.0.1:6379/1",
        "TIMEOUT": None,
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.cache"
SESSION_COOKIE_AGE = 1209600  # two weeks
SESSION_SAVE_EVERY_REQUEST = True
