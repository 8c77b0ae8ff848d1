package parsers

import "strings"

// my-cnf is an option file of MySQL or MariaDB:
//
//	[mysqld]
//	innodb-buffer-pool-size = 2G     # names are given with underscores
//	init_connect='SET NAMES utf8; SELECT 1'
//	skip-name-resolve
//	!includedir /etc/mysql/conf.d/
var _ = register(Parser{
	Name:  "my-cnf",
	Doc:   "MySQL and MariaDB option files -> config, setting",
	Most:  SureMark - 5,
	Match: matchMyCnf,
	Parse: mysqlINI.parse,
})

func matchMyCnf(h *Head) int {
	marks, other := 0, 0
	mysqlINI.iniNames(h, func(section, name, value string) {
		switch s := strings.ToLower(section); {
		case strings.HasPrefix(s, "mysqld"), strings.HasPrefix(s, "mariadb"), s == "mysql", s == "mysqldump", s == "galera", s == "client-server":
			marks += 2
		case section != "":
		case strings.HasPrefix(name, "innodb_") && value != "", strings.HasPrefix(name, "!include"):
			marks += 2
		case value == "":
			other++
		case name == "max_connections", name == "key_buffer_size", name == "tmp_table_size", name == "max_heap_table_size", name == "sort_buffer_size",
			name == "join_buffer_size", name == "query_cache_size", name == "table_open_cache", name == "thread_cache_size", name == "slow_query_log":
			marks++
		}
	})
	if marks >= 2 && other <= marks+10 {
		return SureMark - 5
	}
	return 0
}
