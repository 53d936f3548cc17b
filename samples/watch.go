// SPDX-License-Identifier: 0BSD
// watch MOUNT LEVEL: prints a record each time that usage of a tmpfs passes the level
package main

import (
	"fmt"
	"log"
	"os"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	device := must(os.OpenFile("/dev/tmpfswarn", os.O_RDWR, 0))
	mount := must(os.Open(os.Args[1]))
	must(fmt.Fprintf(device, "%d %s", mount.Fd(), os.Args[2]))
	mount.Close()                    // while it is open, nobody can unmount it
	must(os.Stdout.ReadFrom(device)) // whole lines, until the mount is gone
}
