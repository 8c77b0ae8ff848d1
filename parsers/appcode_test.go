package parsers

import "testing"

func FuzzAppCode(f *testing.F) { fuzzParser(f, "app-code") }
