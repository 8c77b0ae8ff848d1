<?php
/**
 * Keeps WooCommerce guest carts in Redis instead of wp_woocommerce_sessions.
 *
 * @package Redis_Session_Manager
 * @version 1.2.0
 */

if ( ! defined( 'ABSPATH' ) ) {
    exit;
}

class Redis_Session {

    const COOKIE = 'rsm_session';

    /** @var string */
    private $session_id = '';

    /** @var array */
    private $data = array();

    public function __construct() {
        add_action( 'woocommerce_init', array( $this, 'start' ), 5 );
        add_action( 'woocommerce_cart_updated', array( $this, 'save' ) );
        add_action( 'woocommerce_applied_coupon', array( $this, 'save' ) );
        add_action( 'wp_logout', array( $this, 'destroy' ) );
    }

    /**
     * Runs on every front-end request: whoever comes without our cookie gets a new session.
     */
    public function start() {
        if ( is_admin() && ! wp_doing_ajax() ) {
            return;
        }

        if ( ! empty( $_COOKIE[ self::COOKIE ] ) ) {
            $this->session_id = sanitize_key( wp_unslash( $_COOKIE[ self::COOKIE ] ) );
            $this->data       = $this->load_session( $this->session_id );
        }

        if ( empty( $this->data ) ) {
            $this->session_id = $this->new_id();
            $this->data       = array(
                'cart'            => serialize( array() ),
                'customer_id'     => get_current_user_id(),
                'applied_coupons' => array(),
                'session_start'   => time(),
            );
            setcookie( self::COOKIE, $this->session_id, 0, COOKIEPATH, COOKIE_DOMAIN, is_ssl(), true );
            $this->save_session( $this->session_id, serialize( $this->data ) );
        }
    }

    public function save() {
        if ( '' === $this->session_id || ! WC()->cart ) {
            return;
        }
        $this->data['cart']            = serialize( $this->cart_items() );
        $this->data['customer_id']     = get_current_user_id();
        $this->data['applied_coupons'] = WC()->cart->get_applied_coupons();
        $this->save_session( $this->session_id, serialize( $this->data ) );
    }

    private function cart_items() {
        $items = array();
        foreach ( WC()->cart->get_cart() as $line ) {
            $items[ 'item_' . $line['product_id'] ] = (int) $line['quantity'];
        }
        return $items;
    }

    public function load_session( $session_id ) {
        $redis = new Redis();
        $redis->connect( '127.0.0.1', 6379 );
        $value = $redis->get( 'wc_session_' . $session_id );
        if ( false === $value ) {
            return array();
        }
        $data = unserialize( $value, array( 'allowed_classes' => false ) );
        return is_array( $data ) ? $data : array();
    }

    public function save_session( $session_id, $session_data ) {
        $redis = new Redis();
        $redis->connect( '127.0.0.1', 6379 );
        $key = 'wc_session_' . $session_id;
        $redis->set( $key, $session_data );
    }

    public function destroy() {
        if ( '' === $this->session_id ) {
            return;
        }
        $redis = new Redis();
        $redis->connect( '127.0.0.1', 6379 );
        $redis->del( 'wc_session_' . $this->session_id );
        setcookie( self::COOKIE, '', time() - 3600, COOKIEPATH, COOKIE_DOMAIN, is_ssl(), true );
        $this->session_id = '';
        $this->data       = array();
    }

    private function new_id() {
        $alphabet = '0123456789abcdefghijklmnopqrstuvwxyz';
        $id       = '';
        for ( $i = 0; $i < 32; $i++ ) {
            $id .= $alphabet[ random_int( 0, 35 ) ];
        }
        return $id;
    }
}

new Redis_Session();
