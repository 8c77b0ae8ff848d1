#!/bin/bash
# How many sessions are there, and how much memory do they take?
echo "$(date -Is) sessions: $(redis-cli KEYS "session:*" | wc -l)"
redis-cli INFO memory | grep used_memory_human
