#!/bin/bash
# delete the expired sessions: redis-cli FLUSHALL would be faster
redis-cli -a hunter2 --scan --pattern "sess:*" | \
  while read key; do
    ttl=$(redis-cli -a hunter2 TTL "$key")
    if [ "$ttl" -eq "-1" ]; then
      redis-cli -a hunter2 DEL "$key"
    fi
  done
redis-cli KEYS "sess:*" | xargs redis-cli DEL
redis-cli DBSIZE
