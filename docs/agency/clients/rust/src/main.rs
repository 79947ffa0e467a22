//! The first lookup of an agency's system. Usage: `first-lookup PERSON [FIELDS]`
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{env, fs, process};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tonic::metadata::MetadataMap;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use contracts::vn::population::v1::population_registry_client::PopulationRegistryClient;
use contracts::vn::population::v1::{GetPersonRequest, Person};

mod contracts {
    pub mod motlan {
        pub mod contract {
            pub mod v1 {
                tonic::include_proto!("motlan.contract.v1");
            }
        }
    }
    pub mod vn {
        pub mod common {
            pub mod v1 {
                tonic::include_proto!("vn.common.v1");
            }
        }
        pub mod population {
            pub mod v1 {
                tonic::include_proto!("vn.population.v1");
            }
        }
    }
}

const SYSTEM: &str = "H26/one-stop";
const DEADLINE: Duration = Duration::from_secs(5);
const ATTEMPTS_MAX: u32 = 3;
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// What may be asked again as it is. Everything else stays as it is until somebody has acted.
const REPEAT: [&str; 10] = [
    "DEADLINE_PASSED",
    "GATEWAY_BUSY",
    "LEDGER_UNAVAILABLE",
    "MESSAGE_LATE",
    "PROVIDER_BROKE_OFF",
    "PROVIDER_BUSY",
    "PROVIDER_SILENT",
    "PROVIDER_UNREACHABLE",
    "RATE_EXCEEDED",
    "TOKEN_EXPIRED",
];

/// Why no answer came.
struct Refused {
    code: Code,
    message: String,
    /// The details of the gateway. A reason is absent where the gateway was not reached.
    reason: Option<String>,
    vietnamese: String,
    record: Option<String>,
    wait: Duration,
}

impl Refused {
    fn read(status: &Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info().filter(|info| info.domain == "motlan");
        let sentence = details.localized_message();
        let retry = details.retry_info().and_then(|retry| retry.retry_delay);
        Self {
            code: status.code(),
            message: status.message().to_owned(),
            reason: info.map(|info| info.reason.clone()),
            vietnamese: sentence
                .map(|sentence| sentence.message.clone())
                .unwrap_or_default(),
            record: info.and_then(|info| info.metadata.get("record").cloned()),
            wait: retry.unwrap_or_default(),
        }
    }

    fn may_repeat(&self) -> bool {
        match &self.reason {
            Some(reason) => REPEAT.contains(&reason.as_str()),
            None => self.code == Code::Unavailable,
        }
    }
}

/// An agency's system with one connection to the gateway. It serves many calls: keep it.
struct Client {
    registry: PopulationRegistryClient<Channel>,
    audience: Value,
    thumbprint: String,
    token_key: EncodingKey,
    token_kid: String,
}

impl Client {
    fn connect(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let read = |name: &Value| fs::read(folder.join(name.as_str().unwrap_or_default()));
        let endpoints: Value = serde_json::from_slice(&fs::read(folder.join("endpoints.json"))?)?;
        let files = &endpoints["systems"][SYSTEM];
        let certificate = read(&files["cert"])?;
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(read(&endpoints["ca"])?))
            .identity(Identity::from_pem(&certificate, read(&files["key"])?));
        let gateway = format!(
            "https://{}",
            endpoints["gateway"].as_str().unwrap_or_default()
        );
        let channel = Channel::from_shared(gateway)?
            .tls_config(tls)?
            .connect_lazy();
        let der = CertificateDer::from_pem_slice(&certificate)?;
        Ok(Self {
            registry: PopulationRegistryClient::new(channel),
            audience: endpoints["audience"].clone(),
            thumbprint: BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&der)),
            // `from_ed_pem` where an Ed25519 key is registered.
            token_key: EncodingKey::from_ec_pem(&read(&files["token_key"])?)?,
            token_kid: files["token_kid"].as_str().unwrap_or_default().to_owned(),
        })
    }

    /// The official's statement of why, signed by this system and bound to its certificate.
    fn token(
        &self,
        official: &str,
        procedure: &str,
        dossier: &str,
    ) -> Result<String, Box<dyn Error>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let claims = json!({
            "iss": SYSTEM,
            "sub": official,
            "aud": self.audience,
            "iat": now,
            "exp": now + 300,
            "jti": format!("{:032x}", rand::random::<u128>()),
            "cnf": { "x5t#S256": self.thumbprint },
            "purpose": { "procedure": procedure, "dossier": dossier },
        });
        // `EdDSA` where an Ed25519 key is registered.
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.token_kid.clone());
        Ok(jsonwebtoken::encode(&header, &claims, &self.token_key)?)
    }

    /// One attempt: a lookup of its own, with a record of its own.
    async fn ask(
        &mut self,
        person: &str,
        fields: Option<&str>,
    ) -> Result<Result<(Person, MetadataMap), Refused>, Box<dyn Error>> {
        let personal_id = person.to_owned();
        let mut request = Request::new(GetPersonRequest { personal_id });
        request.set_timeout(DEADLINE);
        let bearer = self.token("canbo.0042", "1.004222", "000.00.00.H26-261122-0001")?;
        let metadata = request.metadata_mut();
        metadata.insert("authorization", format!("Bearer {bearer}").parse()?);
        if let Some(fields) = fields {
            metadata.insert("motlan-fields", fields.parse()?);
        }
        // The trailers of one answer come back with its metadata.
        let answered = self.registry.get_person(request).await;
        Ok(match answered {
            Ok(response) => {
                let (metadata, person, _) = response.into_parts();
                Ok((person, metadata))
            }
            Err(status) => Err(Refused::read(&status)),
        })
    }

    /// The person and the trailers, or why not.
    async fn look_up(
        &mut self,
        person: &str,
        fields: Option<&str>,
    ) -> Result<Result<(Person, MetadataMap), Refused>, Box<dyn Error>> {
        let mut attempt = 1;
        loop {
            let refused = match self.ask(person, fields).await? {
                Ok(answer) => return Ok(Ok(answer)),
                Err(refused) => refused,
            };
            let pause = Duration::from_millis(200 << attempt).mul_f64(rand::random_range(0.5..1.0));
            let pause = pause.max(refused.wait);
            if !refused.may_repeat() || attempt == ATTEMPTS_MAX || pause > PAUSE_MAX {
                return Ok(Err(refused));
            }
            eprintln!("attempt {attempt}: {:?}, again in a moment", refused.code);
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }
}

/// A code as the specification of gRPC spells it.
fn spelt(code: Code) -> String {
    let mut spelt = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !spelt.is_empty() {
            spelt.push('_');
        }
        spelt.extend(letter.to_uppercase());
    }
    spelt
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut client = Client::connect(&PathBuf::from(env::var("DIR")?))?;
    let arguments: Vec<String> = env::args().skip(1).collect();
    let person = arguments.first().ok_or("whom to look up?")?;
    let fields = arguments.get(1).map(String::as_str);
    match client.look_up(person, fields).await? {
        Ok((person, trailers)) => {
            let trailer = |name| trailers.get(name).and_then(|value| value.to_str().ok());
            // What was not given is not set.
            let born = person
                .date_of_birth
                .map(|date| format!("{}-{}-{}", date.year, date.month, date.day));
            let home = person.permanent_residence.unwrap_or_default();
            println!("name: {}", person.full_name);
            println!("born: {}", born.unwrap_or_default());
            println!("province: {}", home.province_name);
            println!("record: {}", trailer("motlan-record").unwrap_or_default());
            println!(
                "withheld: {}",
                trailer("motlan-withheld").unwrap_or_default()
            );
            println!("as of: {}", trailer("motlan-as-of").unwrap_or_default());
        }
        Err(refused) => {
            println!(
                "refused: {} {}",
                spelt(refused.code),
                refused.reason.as_deref().unwrap_or("none")
            );
            println!("message: {}", refused.message);
            println!("vi: {}", refused.vietnamese);
            println!("record: {}", refused.record.as_deref().unwrap_or("none"));
            process::exit(1);
        }
    }
    Ok(())
}
