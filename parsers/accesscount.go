package parsers

// AccessCount is requests that a store counted, and nobody read: of one client in the minute that begins at the record's
// time. A record carries what one query counted; the rest is 0 and comes in other records.
type AccessCount struct {
	Access // the client, its agent and the status; the status is 0 where it was not asked for

	Requests  int64 `json:"requests"`
	Pages     int64 `json:"pages"` // of the requests; answered by less than 400
	Assets    int64 `json:"assets"`
	NoReferer int64 `json:"no_referer"`
}

func (*AccessCount) Kind() string { return "access-count" }

// RouteCount is requests of one path with one status and referring site, in the minute that begins at the record's time.
// They are in AccessCounts too.
type RouteCount struct {
	Access // the path, the status and the referer

	Requests int64 `json:"requests"`
}

func (*RouteCount) Kind() string { return "route-count" }

// AccessExample is a line of what AccessCounts count: evidence, not to be counted again.
type AccessExample struct{ Access }

func (*AccessExample) Kind() string { return "access-example" }
