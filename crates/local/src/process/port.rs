//! A port of 127.0.0.1 that is reserved for one server from before its start until after its end.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context as _, Result};

/// A port that the system gives to no other program while this value exists.
///
/// On Linux, a socket that is bound but does not listen holds the port. A server that sets `SO_REUSEADDR`, as all
/// servers do, can listen there beside it. The system neither hands the port out nor uses it for a connection, not even
/// for one that probes whether the server listens yet. Other systems allow no listener beside such a socket. There, the
/// port was free a moment ago, and is not reserved.
#[derive(Debug)]
pub struct Port {
    number: u16,
    #[cfg(target_os = "linux")]
    _kept: std::os::fd::OwnedFd,
}

impl Port {
    /// Reserves a free port.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn keep() -> Result<Self> {
        Self::any().context("there is no free port on 127.0.0.1")
    }

    #[cfg(target_os = "linux")]
    fn any() -> Result<Self> {
        use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrIn, sockopt::ReuseAddr};
        use std::os::fd::AsRawFd as _;

        let kept = socket::socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
        socket::setsockopt(&kept, ReuseAddr, &true)?;
        socket::bind(kept.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0))?;
        let number = socket::getsockname::<SockaddrIn>(kept.as_raw_fd())?.port();
        Ok(Self { number, _kept: kept })
    }

    #[cfg(not(target_os = "linux"))]
    fn any() -> Result<Self> {
        Ok(Self { number: TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port() })
    }

    /// The number of the port.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }
}

/// Whether no program listens on this port of 127.0.0.1.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::{TcpListener, TcpStream};

    use super::{Port, is_free};

    #[test]
    fn a_port_in_use_is_not_free() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        assert!(!is_free(listener.local_addr().expect("an address").port()));
    }

    #[test]
    fn a_kept_port_is_given_to_nobody_and_its_server_listens_there() {
        let kept: Vec<Port> = (0..200).map(|_| Port::keep().expect("a port")).collect();
        let numbers: BTreeSet<u16> = kept.iter().map(Port::number).collect();
        assert_eq!(numbers.len(), kept.len(), "each is another one");
        let others: Vec<TcpListener> =
            (0..200).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
        for other in &others {
            let other = other.local_addr().expect("an address").port();
            assert!(!cfg!(target_os = "linux") || !numbers.contains(&other), "{other} was kept");
        }
        for port in &kept {
            assert!(TcpStream::connect(("127.0.0.1", port.number())).is_err(), "nobody listens yet");
            let server = TcpListener::bind(("127.0.0.1", port.number())).expect("the server gets it");
            TcpStream::connect(("127.0.0.1", port.number())).expect("it listens");
            drop(server);
        }
    }
}
