package sessions

import (
	"context"
	"fmt"

	"github.com/gomodule/redigo/redis"
	goredis "github.com/redis/go-redis/v9"
)

func save(ctx context.Context, rdb *goredis.Client, conn redis.Conn, id string, cart []byte) error {
	if err := rdb.Set(ctx, fmt.Sprintf("sess:%s", id), cart, 0).Err(); err != nil {
		return err
	}
	_, err := conn.Do("SET", "sess:"+id, cart)
	return err
}

func fine(ctx context.Context, rdb *goredis.Client, conn redis.Conn, id string, cart []byte) {
	rdb.Set(ctx, "sess:"+id, cart, 48*time.Hour)
	conn.Do("SET", "sess:"+id, cart, "EX", 3600)
	conn.Do("SETEX", "sess:"+id, 3600, cart)
	rdb.Do(ctx, "SET", "sess:"+id, cart, "PX", 3600000)
	local.Set(id, cart)
}
