<?php
return ['session' => ['save' => 'redis', 'redis' => ['host' => '127.0.0.1', 'port' => '6380', 'max_concurrency' => '8', 'break_after_frontend' => '20', 'disable_locking' => '1']]];
