//! Where datasets are asked: `endpoints.toml`, which belongs to the deployment.

use core::net::Ipv6Addr;
use std::collections::BTreeMap;

use super::folder::Folder;
use crate::document::nearest;
use crate::fault::Faults;
use crate::name::DatasetId;

/// The most addresses of one dataset.
const ADDRESSES_MAX: usize = 16;

/// Where one dataset is asked.
#[derive(Default)]
pub(super) struct Endpoint {
    pub(super) addresses: Vec<String>,
    pub(super) server_name: Option<String>,
}

/// The endpoints of the datasets that have any. There need be no file.
pub(super) fn endpoints(
    folder: &mut Folder,
    known: &[&DatasetId],
    faults: &mut Faults,
) -> BTreeMap<DatasetId, Endpoint> {
    let mut endpoints = BTreeMap::new();
    if !folder.has_file("endpoints.toml") {
        return endpoints;
    }
    let Some(document) = folder.document("endpoints.toml", faults) else {
        return endpoints;
    };
    let mut root = document.root();
    for (name, mut table) in root.entries(faults) {
        let addresses = table.strings("addresses", faults);
        let server_name = table.opt_string("server_name", faults);
        for address in &addresses {
            if !is_address(address) {
                let what = format!("`{}` is not an address", address.value);
                let remedy = "write `host:port`, with a port from 1 to 65535";
                table.fault(address.line, what, remedy, faults);
            }
        }
        if addresses.is_empty() || addresses.len() > ADDRESSES_MAX {
            let what = format!("`{}` has {} addresses", name.value, addresses.len());
            let remedy = format!("give it from 1 to {ADDRESSES_MAX}, or remove the table");
            table.fault(None, what, remedy, faults);
        }
        if let Some(name) = server_name.as_ref().filter(|name| !is_host(name)) {
            let what = format!("`{}` is not the name of a server", name.value);
            table.fault(
                name.line,
                what,
                "write the name that its certificate carries",
                faults,
            );
        }
        match known.iter().find(|id| id.as_str() == name.value) {
            Some(id) => {
                let addresses = addresses.into_iter().map(|address| address.value).collect();
                let server_name = server_name.map(|name| name.value);
                endpoints.insert(
                    (*id).clone(),
                    Endpoint {
                        addresses,
                        server_name,
                    },
                );
            }
            None => {
                let remedy = match nearest(&name, known.iter().map(|id| id.as_str())) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "declare it in `datasets/`, or remove the table".to_owned(),
                };
                let what = format!("the dataset `{}` is not known", name.value);
                table.fault(name.line, what, remedy, faults);
            }
        }
        table.finish(faults);
    }
    endpoints
}

fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let is_port =
        port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    is_port && inner.map_or_else(|| is_host(host), |inner| inner.parse::<Ipv6Addr>().is_ok())
}

/// A name of DNS, or an address of IPv4, which has the same letters.
fn is_host(text: &str) -> bool {
    text.len() <= 253
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for good in [
            "localhost:1",
            "a.example:443",
            "127.0.0.1:50051",
            "[::1]:65535",
        ] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "localhost",
            "a:0",
            "a:65536",
            "a:+1",
            ":1",
            "::1:80",
            "http://a:1",
            "a b:1",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
