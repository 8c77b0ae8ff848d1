<?php

return [
    'driver' => 'redis',
    'connection' => 'default',
    'lifetime' => 1440,
    'expire_on_close' => false,
    'encrypt' => true,
    'cookie' => 'app_session',
];
