//! The texts that a deployment is configured with.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::path::Path;

use crate::sample::Roles;

/// The gateway's configuration: ephemeral ports on the loopback interface.
pub(super) const MOTLAN_TOML: &str = r#"# A throwaway deployment. Paths are relative to this file.
instance = "demo"
audience = "https://gateway.motlan.example"

[catalog]
folder = "catalog"
manifest_key = "pki/manifest.pem"
known_revision = "known-revision.json"

[listen]
gateway = "127.0.0.1:0"
admin = "127.0.0.1:0"

# What callers meet.
[tls]
certificate = "pki/gateway.pem"
key = "pki/gateway.key"
client_ca = "pki/ca.pem"

# What owners meet.
[provider_tls]
certificate = "pki/gateway-client.pem"
key = "pki/gateway-client.key"
ca = "pki/ca.pem"

[ledger]
folder = "ledger"
origin = "motlan.example/audit"
reserve_bytes = 1048576
key = "pki/ledger.key"
sealing = "pki/sealing"
"#;

/// The configuration of a gateway in a container: what it reads lies beside this file, what it
/// writes below `data`.
pub(super) fn apart_toml(listen: (u16, u16), data: &Path, otlp: Option<&str>) -> String {
    let (gateway, admin) = listen;
    let data = data.display();
    let telemetry = otlp.map_or_else(String::new, |otlp| {
        format!("\n# Where traces go.\n[telemetry]\notlp = {otlp:?}\n")
    });
    format!(
        r#"# A sample: throwaway keys, made-up people. Paths are relative to this file.
instance = "demo"
audience = "https://gateway.motlan.example"

[catalog]
folder = "catalog"
manifest_key = "pki/manifest.pem"
known_revision = "{data}/known-revision.json"

[listen]
gateway = "0.0.0.0:{gateway}"
admin = "0.0.0.0:{admin}"

# What callers meet.
[tls]
certificate = "pki/gateway.pem"
key = "pki/gateway.key"
client_ca = "pki/ca.pem"

# What owners meet.
[provider_tls]
certificate = "pki/gateway-client.pem"
key = "pki/gateway-client.key"
ca = "pki/ca.pem"

[ledger]
folder = "{data}/ledger"
origin = "motlan.example/audit"
reserve_bytes = 1048576
key = "{data}/ledger.key"
sealing = "{data}/sealing"

[state]
file = "{data}/state.redb"
{telemetry}"#
    )
}

/// `endpoints.toml`: each dataset's address.
pub(super) fn endpoints_toml<'a>(
    addresses: impl Iterator<Item = (&'a String, impl Display)>,
) -> String {
    let mut text = "# Where the owners' systems listen.\n".to_owned();
    for (dataset, address) in addresses {
        // Writing into a string cannot fail.
        let _written = write!(text, "\n[{dataset}]\naddresses = [\"{address}\"]\n");
    }
    text
}

/// What to ask for, by the names in `endpoints.json`.
pub(super) fn samples(roles: &Roles) -> BTreeMap<String, String> {
    [
        ("person", roles.person.as_str()),
        ("spouse", &roles.spouse),
        ("child", &roles.child),
        ("deceased", &roles.deceased),
        ("unknown_person", &roles.unknown_person),
        ("enterprise", &roles.enterprise),
        ("unknown_enterprise", &roles.unknown_enterprise),
        ("certificate", &roles.certificate),
        ("unknown_certificate", &roles.unknown_certificate),
        ("procedure", "1.004222"),
        ("procedure_funeral_grant", "1.014177"),
    ]
    .into_iter()
    .map(|(name, key)| (name.to_owned(), key.to_owned()))
    .collect()
}
