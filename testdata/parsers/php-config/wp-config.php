<?php
define('DB_NAME', 'shop');
define( 'DB_PASSWORD', 'hunter2' );
define('WP_REDIS_HOST', '127.0.0.1');
define('WP_REDIS_MAXTTL', 86400);
define('WP_REDIS_SELECTIVE_FLUSH', true);
$table_prefix = 'wp_';
