package parsers

import "bytes"

// readTable reads the table of processes. Its columns changed six times, so they are taken from the header, or from their
// number where the header is cut off:
//
//	[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name
//	[  14502]   112 14502  2025585  1875308 18956288        0             0 redis-server
func (o *oomReader) readTable(m *message, msg []byte) bool {
	if len(msg) < 8 || msg[0] != '[' {
		return bytes.HasPrefix(msg, []byte("Tasks state (memory values in pages)"))
	}
	end := bytes.IndexByte(msg[:min(len(msg), 16)], ']')
	if end < 0 {
		return false
	}
	in, rest := bytes.TrimSpace(msg[1:end]), msg[end+1:]
	if string(in) == "pid" {
		r := o.openTable(m)
		r.columns = r.columns[:0]
		for _, name := range bytes.Fields(rest) {
			if len(r.columns) < maxColumns {
				r.columns = append(r.columns, string(name))
			}
		}
		r.tasks = m.stamp()
		return true
	}
	pid, tail := leadingInt(in)
	if pid < 0 || len(tail) > 0 {
		return false
	}
	var values [maxColumns]int64
	n := 0
	for n < len(values) {
		rest = bytes.TrimLeft(rest, " \t")
		word, after, _ := bytes.Cut(rest, []byte(" "))
		sign := int64(1)
		digits, neg := bytes.CutPrefix(word, []byte("-"))
		if neg {
			sign = -1
		}
		v, bad := leadingInt(digits)
		if v < 0 || len(bad) > 0 || n == o.numbers() && n > 0 {
			break
		}
		values[n], n, rest = sign*v, n+1, after
	}
	if n < minColumns {
		return false
	}
	r := o.openTable(m)
	if r.tasks.line == 0 {
		r.tasks = m.stamp()
	}
	if len(r.Tasks) < maxTasks && *o.rows < maxRows {
		*o.rows++
		r.Tasks = append(r.Tasks, r.row(pid, values[:n], bytes.TrimSpace(rest), m.at.Line))
	}
	return true
}

const (
	minColumns = 6 // uid tgid total_vm rss cpu oom_adj: the oldest table has that and a score
	maxColumns = 12
)

// openTable returns the report a table belongs to.
func (o *oomReader) openTable(m *message) *oomReport {
	if o.cur != nil && o.cur.done {
		o.finish()
	}
	return o.open(m)
}

// numbers is how many numbers a row has before its name, 0 = not known: a name may be all digits.
func (o *oomReader) numbers() int {
	if o.cur == nil || len(o.cur.columns) == 0 || o.cur.columns[len(o.cur.columns)-1] != "name" {
		return 0
	}
	return len(o.cur.columns) - 1
}

// row names the numbers of a row.
func (r *oomReport) row(pid int64, values []int64, name []byte, line int) Task {
	t := Task{PID: pid, Comm: string(name[:min(len(name), 64)]), Line: line}
	columns := r.columns
	if len(columns) != len(values)+1 {
		columns = columnsOf(values)
	}
	var ptes, pmds Opt
	for i, v := range values {
		if i >= len(columns) {
			break
		}
		switch columns[i] {
		case "uid":
			t.UID = Some(v)
		case "total_vm":
			t.TotalVMKB = Some(v) // pages until the page size is known
		case "rss":
			t.RSSKB = Some(v)
		case "swapents":
			t.SwapKB = Some(v)
		case "pgtables_bytes":
			t.PgtablesKB = Some(v / 1024)
		case "nr_ptes":
			ptes = Some(v)
		case "nr_pmds":
			pmds = Some(v)
		case "oom_score_adj":
			t.OOMScoreAdj = Some(v)
		}
	}
	if ptes.OK && ptes.N < 1<<40 { // counted in tables of one page; 4 kB wherever these columns were printed
		t.PgtablesKB = Some((ptes.N + min(pmds.N, 1<<40)) * 4)
	}
	return t
}

// columnsOf guesses the header that goes with a row. Seven numbers are those of three tables: page tables in bytes (4.15 and
// later) are a multiple of 4096, and what is not is either page tables in pages or a processor's number, and stays unknown.
func columnsOf(values []int64) []string {
	switch len(values) {
	case 7:
		if values[4] >= 4096 && values[4]%4096 == 0 {
			return []string{"uid", "tgid", "total_vm", "rss", "pgtables_bytes", "swapents", "oom_score_adj"}
		}
		return []string{"uid", "tgid", "total_vm", "rss", "", "", "oom_score_adj"}
	case 8:
		return []string{"uid", "tgid", "total_vm", "rss", "nr_ptes", "nr_pmds", "swapents", "oom_score_adj"}
	case 10:
		return []string{"uid", "tgid", "total_vm", "rss", "rss_anon", "rss_file", "rss_shmem", "pgtables_bytes", "swapents", "oom_score_adj"}
	}
	return []string{"uid", "tgid", "total_vm", "rss"}
}
