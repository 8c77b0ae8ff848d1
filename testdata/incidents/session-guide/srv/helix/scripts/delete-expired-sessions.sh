#!/bin/bash
# Delete expired sessions
redis-cli --scan --pattern "session:*" | \
  while read key; do
    ttl=$(redis-cli TTL "$key")
    if [ "$ttl" -eq "-1" ]; then
      redis-cli DEL "$key"
    fi
  done
