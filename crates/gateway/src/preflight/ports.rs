//! The addresses to listen on: each is taken once, and let go.

use std::io;
use std::net::{SocketAddr, TcpListener};

use super::findings::Findings;
use crate::settings::Listen;

/// R110: a port in use is told before anything is opened.
pub(super) fn check(listen: Listen, findings: &mut Findings) {
    let (gateway, admin) = (listen.gateway, listen.admin);
    if gateway == admin && gateway.port() != 0 {
        let what = format!("`{admin}` is that of `listen.gateway` too");
        findings.fault("listen.admin", what, "give each a port of its own");
        return;
    }
    // Both at once: one may stand in the other's way.
    let taken = [("listen.gateway", gateway), ("listen.admin", admin)].map(|(key, address)| {
        TcpListener::bind(address)
            .inspect_err(|error| {
                let (what, remedy) = untaken(address, error);
                findings.fault(key, what, remedy);
            })
            .ok()
    });
    if taken.iter().all(Option::is_some) {
        let free = format!("listen      {gateway} and {admin} can be listened on");
        findings.looked.push(free);
    }
}

fn untaken(address: SocketAddr, error: &io::Error) -> (String, String) {
    match error.kind() {
        io::ErrorKind::AddrInUse => (
            format!("`{address}` is in use"),
            "stop the process that listens there, or take another port; beside this gateway, \
             running, use `motlan check --running`"
                .to_owned(),
        ),
        io::ErrorKind::AddrNotAvailable => (
            format!("`{address}` is no address of this machine"),
            "give one that is, or `0.0.0.0` for all".to_owned(),
        ),
        io::ErrorKind::PermissionDenied => (
            format!("`{address}` may not be listened on by us"),
            "take a port from 1024 on, or grant `CAP_NET_BIND_SERVICE`".to_owned(),
        ),
        _ => (
            format!("`{address}` cannot be listened on: {error}"),
            "give an address of this machine and a free port".to_owned(),
        ),
    }
}
