package parsers

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
)

// magento-env is Magento 2's app/etc/env.php, on one line or many:
//
//	'session' => [
//	    'save' => 'redis',
//	    'redis' => ['host' => '127.0.0.1', 'max_concurrency' => '6', 'break_after_frontend' => '5', 'bot_lifetime' => '7200'],
//	],
var _ = register(Parser{
	Name:  "magento-env",
	Doc:   "Magento 2 app/etc/env.php -> config, setting",
	Match: matchMagentoEnv,
	Parse: parsePHPSettings("magento"),
})

func matchMagentoEnv(h *Head) int {
	has := func(s string) bool {
		return bytes.Contains(h.Text, []byte("'"+s+"'")) || bytes.Contains(h.Text, []byte(`"`+s+`"`))
	}
	switch {
	case !bytes.Contains(h.Text, []byte("=>")):
		return 0
	case has("MAGE_MODE"), has("cache_types"), has("session") && has("save"), has("max_concurrency") && has("break_after_frontend"):
		return SureMark
	}
	return 0
}

// magento-xml is Magento 1's app/etc/local.xml, where Cm_RedisSession is configured:
//
//	<redis_session>
//	    <max_concurrency>6</max_concurrency>
//	    <break_after_frontend>5</break_after_frontend>
var _ = register(Parser{
	Name:  "magento-xml",
	Doc:   "Magento 1 app/etc/local.xml -> config, setting",
	Match: matchMagentoXML,
	Parse: parseMagentoXML,
})

func matchMagentoXML(h *Head) int {
	has := func(s string) bool { return bytes.Contains(h.Text, []byte(s)) }
	switch {
	case has("<redis_session>"), has("<config>") && has("<global>") && (has("<session_save>") || has("<install>") || has("<resources>")):
		return SureMark
	}
	return 0
}

func parseMagentoXML(src *Source, emit func(Record)) error {
	text, err := readConfig(src)
	if err != nil {
		return err
	}
	emitConfig(src, "magento", text, emit)
	x := indexLines(text)
	d := xml.NewDecoder(bytes.NewReader(text))
	d.Strict = false
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	var path []string
	value, line := "", 1
	for {
		tok, err := d.RawToken()
		if err != nil {
			if err != io.EOF {
				line := x.of(int(d.InputOffset()))
				src.Skip(line, x.line(line), "xml: "+err.Error())
			}
			return nil
		}
		switch t := tok.(type) {
		case xml.StartElement:
			value = ""
			if line = x.of(int(d.InputOffset()) - 1); len(path) >= maxYAMLDepth {
				src.Skip(line, x.line(line), "nested too deep")
				return nil
			}
			path = append(path, t.Name.Local)
		case xml.CharData:
			value = strings.TrimSpace(string(t))
		case xml.EndElement:
			if len(path) == 0 || path[len(path)-1] != t.Name.Local {
				continue
			}
			name, parents := path[len(path)-1], path[:len(path)-1]
			if len(parents) > 0 && parents[0] == "config" {
				parents = parents[1:]
			}
			if value != "" {
				if isSecretName(name) {
					value = "***"
				}
				emit(Record{At: Pos{src.Name, line}, Raw: x.line(line), Fact: &Setting{System: "magento", Path: parents, Name: name, Args: []string{blankURLSecret(clip(value, 500))}}})
			}
			path, value = path[:len(path)-1], ""
		}
	}
}
