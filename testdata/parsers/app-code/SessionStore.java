package com.example.shop.session;

import java.time.Duration;
import org.springframework.data.redis.core.StringRedisTemplate;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.params.SetParams;

public class SessionStore {
    private final StringRedisTemplate template;
    private final Jedis jedis;

    void save(String id, String cart) {
        template.opsForValue().set("cart:session:" + id, cart);
        jedis.set("cart:session:" + id, cart);
        template.opsForHash().put("cart:meta:" + id, "seen", "1");
    }

    void fine(String id, String cart) {
        template.opsForValue().set("cart:session:" + id, cart, Duration.ofHours(2));
        jedis.setex("cart:session:" + id, 7200, cart);
        jedis.set("cart:session:" + id, cart, SetParams.setParams().ex(7200));
        names.put(id, cart);
    }
}
