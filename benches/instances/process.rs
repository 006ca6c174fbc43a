//! Addresses for processes.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// A loopback address that nobody listens on.
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}
