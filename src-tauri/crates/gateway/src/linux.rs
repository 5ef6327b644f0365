//! Who holds a port, read from `/proc`.

use std::fs;
use std::path::Path;

/// The name of the program that listens on `port`, if it can be seen: another person's programs
/// cannot.
pub(crate) fn holder(port: u16) -> Option<String> {
    holder_in(Path::new("/proc"), port)
}

fn holder_in(proc: &Path, port: u16) -> Option<String> {
    let sockets: Vec<String> = ["net/tcp", "net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(proc.join(table)).ok())
        .flat_map(|table| listening_inodes(&table, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    if sockets.is_empty() {
        return None;
    }
    let holds = |process: &Path| {
        fs::read_dir(process.join("fd")).is_ok_and(|descriptors| {
            descriptors
                .flatten()
                .filter_map(|entry| fs::read_link(entry.path()).ok())
                .any(|target| sockets.iter().any(|socket| target.as_os_str() == socket.as_str()))
        })
    };
    let process = fs::read_dir(proc)
        .ok()?
        .flatten()
        .filter(|entry| {
            entry.file_name().to_str().is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
        })
        .map(|entry| entry.path())
        .find(|process| holds(process))?;
    let name = fs::read_to_string(process.join("comm")).ok()?;
    Some(name.trim_end().to_owned()).filter(|name| !name.is_empty())
}

/// Inodes of the sockets that listen on `port` (`proc_pid_net(5)`: the second column is the local
/// address in hexadecimal, the fourth is 0A for listening, the tenth is the inode).
fn listening_inodes(table: &str, port: u16) -> Vec<u64> {
    let inode = |line: &str| {
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        let (_, hex) = columns.get(1)?.rsplit_once(':')?;
        let listening = *columns.get(3)? == "0A" && u16::from_str_radix(hex, 16) == Ok(port);
        columns.get(9)?.parse().ok().filter(|_| listening)
    };
    table.lines().skip(1).filter_map(inode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listening_sockets_of_the_port_count() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:1CA9 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0 0 10 0\n\
             1: 0100007F:1CA9 0100007F:C001 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0 100 0 0 10 0\n\
             2: 0100007F:1CAA 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4713 1 0 100 0 0 10 0\n";
        assert_eq!(listening_inodes(table, 7337), [4711]);
        assert_eq!(listening_inodes(table, 7338), [4713]);
        assert!(listening_inodes(table, 7339).is_empty());
        assert!(listening_inodes("", 7337).is_empty());
    }

    #[test]
    fn the_holder_of_a_port_is_named() {
        let held = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = held.local_addr().expect("an address").port();
        let own = fs::read_to_string("/proc/self/comm").expect("our own name");
        assert_eq!(holder(port).as_deref(), Some(own.trim_end()));
        drop(held);
        assert_eq!(holder(port), None, "nobody holds it any more");
    }
}
