//! A provider of the whole sample with a client on its own connection.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use motlan_testkit::client::Call;
use motlan_testkit::contracts;
use motlan_testkit::pki::{Authority, Leaf};
use motlan_testkit::provider::{Holdings, Provider};
use motlan_testkit::{Client, Sample};
use prost::Message;

pub(crate) const GET_PERSON: &str = "/vn.population.v1.PopulationRegistry/GetPerson";
pub(crate) const LIST_HOUSEHOLD: &str = "/vn.population.v1.PopulationRegistry/ListHousehold";

pub(crate) static SAMPLE: LazyLock<Sample> = LazyLock::new(|| Sample::from_seed(7).unwrap());

/// What the sample holds for (path, subject).
pub(crate) static HELD: LazyLock<HashMap<(String, String), Vec<Bytes>>> = LazyLock::new(|| {
    let held = SAMPLE.held().into_iter();
    held.map(|one| ((one.path, one.subject), one.messages))
        .collect()
});

pub(crate) struct Stage {
    pub(crate) authority: Authority,
    pub(crate) provider: Provider,
    pub(crate) client: Client,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let authority = Authority::new("test").unwrap();
        let server = authority.issue(&Leaf::server("population")).unwrap();
        let holdings = Holdings::of(&contracts::pool().unwrap()).stock(&SAMPLE.held());
        let tls = authority.server_config(&server).unwrap();
        let provider = Provider::start(tls, holdings).await.unwrap();
        let system = authority
            .issue(&Leaf::system("vn.example", "H26/one-stop"))
            .unwrap();
        let tls = authority.client_config(Some(&system)).unwrap();
        let client = Client::connect(&provider.address().to_string(), tls)
            .await
            .unwrap();
        Self {
            authority,
            provider,
            client,
        }
    }

    pub(crate) async fn connect(
        &self,
        leaf: Option<&Leaf>,
        ca: &Authority,
    ) -> Result<Client, String> {
        let identity = leaf.map(|leaf| ca.issue(leaf).unwrap());
        let tls = self.authority.client_config(identity.as_ref()).unwrap();
        self.connect_with(tls).await
    }

    pub(crate) async fn connect_with(
        &self,
        tls: Arc<rustls::ClientConfig>,
    ) -> Result<Client, String> {
        let address = format!("localhost:{}", self.provider.address().port());
        Client::connect(&address, tls)
            .await
            .map_err(|error| format!("{error:?}"))
    }
}

/// A request of any of the population registry's methods: all have the id in field 1.
pub(crate) fn about(path: &str, personal_id: &str) -> Call {
    let request = contracts::population::v1::GetPersonRequest {
        personal_id: personal_id.to_owned(),
    };
    Call::new(path, &request.encode_to_vec()).unwrap()
}

pub(crate) fn held(path: &str, subject: &str) -> Vec<Bytes> {
    HELD.get(&(path.to_owned(), subject.to_owned()))
        .unwrap()
        .clone()
}
