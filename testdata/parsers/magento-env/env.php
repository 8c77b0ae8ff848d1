<?php
// made by bin/magento setup
return [
    'backend' => ['frontName' => 'admin_x'],
    'crypt' => ['key' => '0123456789abcdef'],
    'session' => [
        'save' => 'redis',
        'redis' => [
            'host' => '127.0.0.1',
            'port' => '6380',
            'password' => 'hunter2',
            'timeout' => '2.5',
            'database' => '2',
            'compression_threshold' => '2048',
            'max_concurrency' => '6', # of one session
            'break_after_frontend' => '5',
            'break_after_adminhtml' => '30',
            'first_lifetime' => '600',
            'bot_first_lifetime' => '60',
            'bot_lifetime' => '7200',
            'disable_locking' => '0',
            'min_lifetime' => 60,
        ]
    ],
    'cache' => array('frontend' => array('default' => array('backend' => 'Magento\\Framework\\Cache\\Backend\\Redis', 'backend_options' => array('server' => '127.0.0.1', 'database' => '0')))),
    'MAGE_MODE' => 'production',
    'cache_types' => ['config' => 1, 'layout' => 1],
    'downloadable_domains' => ['shop.example.com', 'cdn.example.com'],
];
