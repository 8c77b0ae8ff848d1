package parsers

import (
	"fmt"
	"strings"
	"testing"
)

func FuzzCrontab(f *testing.F)    { fuzzParser(f, "crontab") }
func FuzzDeployLog(f *testing.F)  { fuzzParser(f, "deploy-log") }
func FuzzMagentoEnv(f *testing.F) { fuzzParser(f, "magento-env") }
func FuzzMagentoXML(f *testing.F) { fuzzParser(f, "magento-xml") }
func FuzzPHPConfig(f *testing.F)  { fuzzParser(f, "php-config") }
func FuzzDotenv(f *testing.F)     { fuzzParser(f, "dotenv") }

func TestPHPArray(t *testing.T) {
	f := func(in string, want ...string) {
		t.Helper()
		var got []string
		eachPHPSetting([]byte(in), func(path []string, name, value string, line int) {
			got = append(got, fmt.Sprintf("%d %s=%s", line, strings.Join(append(path, name), "/"), value))
		})
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s:\n got %q\nwant %q", in, got, want)
		}
	}
	f("return ['a' => ['b' => '1', 'c' => [1, 2]],\n 'd' => null];", "1 a/b=1", "1 a/c/0=1", "1 a/c/1=2", "2 d=null")
	f("return array('a' => array('b' => 1));", "1 a/b=1")
	f("$config = ['x' => env('X', 'it\\'s')];", "1 x=env('X', 'it\\'s')")
	f("define('N', 'v'); define('M', 3);", "1 N=v", "1 M=3")
	f("return ['a' => 'b' . 'c', /* no */ 'd' => \"e\"];", "1 a=b.c", "1 d=e")
	f("]])),,=>['")
}

func TestCronSchedule(t *testing.T) {
	f := func(in string, want bool) {
		t.Helper()
		if _, _, got := cronSchedule(in); got != want {
			t.Errorf("%q: %v, want %v", in, got, want)
		}
	}
	f("*/5 * * * * x", true)
	f("0 3 1,15 jan-mar mon x", true)
	f("@daily x", true)
	f("60 * * * * x", false)
	f("* * * * *", false)
	f(" 2  0      0 311020  10212 285400    0", false)
	f("*/0 * * * * x", false)
}
