<?php
/**
 * Carts of guests.
 */
class Cart_Store {

    private $redis;

    public function connect() {
        $this->redis = new Redis();
        $this->redis->connect( '127.0.0.1', 6379 );
        $this->redis->auth( 'not-shown' );
    }

    public function save( $id, $cart ) {
        // $this->redis->set( 'cart_' . $id, $cart );
        $this->redis->set( 'cart_' . $id, serialize( $cart ) );
    }

    public function touch( $id, $cart ) {
        $this->redis->set( 'cart_' . $id, $cart, 3600 );
        $this->redis->setex( 'seen_' . $id, 60, 1 );
        $this->redis->hSet( 'visit:' . $id, 'at', time() );
        $this->redis->expire( 'visit:' . $id, 600 );
        $this->options->set( 'a', 'b' );
    }
}
