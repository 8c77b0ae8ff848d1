import json

import redis

r = redis.Redis(host="127.0.0.1")


def save(ident, data):
    r.set(f"visit:{ident}", json.dumps(data))
    r.set("lock:" + ident, 1, nx=True, ex=30)
