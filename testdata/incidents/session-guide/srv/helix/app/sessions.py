import json
import time
import uuid

import redis

from helix.config import settings

client = redis.Redis.from_url(settings.redis_url)


def create_session(user, ip_address):
    session_id = str(uuid.uuid4())
    client.set(
        f"session:{session_id}",
        json.dumps({"user": user.as_dict(), "ip": ip_address, "created_at": time.time()}),
    )
    return session_id


def destroy_session(response):
    response.delete_cookie("helix_session")
