// SPDX-License-Identifier: 0BSD
//! watch MOUNT LEVEL: prints a record each time that usage of a tmpfs passes the level
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::io::AsRawFd;

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let mount = File::open(&args[1])?;
    let mut device = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/tmpfswarn")?;
    // a registration is one write, write!() would make several
    device.write_all(format!("{} {}", mount.as_raw_fd(), args[2]).as_bytes())?;
    drop(mount); // while it is open, nobody can unmount it
    for record in BufReader::new(device).split(b'\n') {
        println!("{}", String::from_utf8_lossy(&record?)); // until the mount is gone
    }
    Ok(())
}
