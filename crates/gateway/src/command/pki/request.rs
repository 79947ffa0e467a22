//! Requests for a real authority.

use std::path::PathBuf;
use std::process::ExitCode;

use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SanType,
};

use super::{Draft, Names, beside, write};

#[derive(clap::Args)]
pub(in crate::command) struct Request {
    /// The folder to write to.
    dir: PathBuf,
    #[command(flatten)]
    names: Names,
}

impl Request {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let mut server = CertificateParams::new(self.names.names.clone())?;
        server.insert_extended_key_usage(ExtendedKeyUsagePurpose::ServerAuth);
        let mut client = CertificateParams::default();
        let uri = SanType::URI(self.names.uri().as_str().try_into()?);
        client.subject_alt_names.push(uri);
        client.insert_extended_key_usage(ExtendedKeyUsagePurpose::ClientAuth);
        let mut drafts = Vec::new();
        for (stem, mut params) in [("server", server), ("client", client)] {
            let name = format!("motlan {} {stem}", self.names.instance);
            params.distinguished_name.push(DnType::CommonName, name);
            params.key_usages.push(KeyUsagePurpose::DigitalSignature);
            let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
            let request = params.serialize_request(&key)?.pem()?;
            drafts.push(Draft::secret(
                beside(&self.dir, stem, "key"),
                key.serialize_pem(),
            ));
            drafts.push(Draft::plain(beside(&self.dir, stem, "csr"), request));
        }
        write(&drafts)?;
        println!(
            "have the authority sign both requests, with the names and usages in them; put what \
             it gives beside them, as `server.pem` and `client.pem` (leaf first), and its own \
             certificate as `ca.pem`"
        );
        Ok(ExitCode::SUCCESS)
    }
}
