//! Lists of certificates that an authority has revoked.

use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{
    CertificateRevocationListParams, KeyIdMethod, RevocationReason, RevokedCertParams, SerialNumber,
};
use webpki::EndEntityCert;

use super::{Authority, HEAD_START, Identity, PkiError};

impl Authority {
    /// The authority's list in PEM, which counts until `until`: each is another than the one
    /// before, even where it says the same.
    ///
    /// # Errors
    /// Where one of `revoked` is no certificate, or the list cannot be made.
    pub fn revocation_list(
        &self,
        revoked: &[&Identity],
        until: SystemTime,
    ) -> Result<String, PkiError> {
        let now = SystemTime::now();
        let revoked = revoked.iter().map(|identity| {
            let certificate = identity.certificate()?;
            let parsed = EndEntityCert::try_from(&certificate).map_err(PkiError::Odd)?;
            Ok(RevokedCertParams {
                serial_number: SerialNumber::from(parsed.serial().to_vec()),
                revocation_time: now.into(),
                reason_code: Some(RevocationReason::KeyCompromise),
                invalidity_date: None,
            })
        });
        let number = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let number = u64::try_from(number.as_nanos()).unwrap_or(u64::MAX);
        let list = CertificateRevocationListParams {
            this_update: (now - HEAD_START).into(),
            next_update: until.into(),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect::<Result<_, PkiError>>()?,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(list.signed_by(&self.issuer)?.pem()?)
    }
}
