package parsers

func isRedisLogLine([]byte) bool { return false }
