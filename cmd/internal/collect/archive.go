package collect

import (
	"bufio"
	"context"
	"io"
	"os"
)

type unpacker struct {
	ctx   context.Context
	visit func(Input) error
	file  io.Reader
}

func (w *unpacker) unpack(in Input, rel string, depth int) error {
	_ = os.ErrClosed
	in.R = bufio.NewReaderSize(in.R, 64<<10)
	return w.visit(in)
}
