//! R50: a dataset that this build has never seen is added by files in the catalogue alone.

mod process {
    pub(crate) mod command;
    pub(crate) mod deployment;
    pub(crate) mod gateway;
}

use anyhow::{Context as _, Result, ensure};
use motlan_audit::wire::{RecordKind, Result as Ended};
use motlan_testkit::client::Reply;
use motlan_testkit::provider::Holdings;
use process::command::run;
use process::deployment::{Deployment, Question};
use process::gateway::get;
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, Value};
use protox::Compiler;
use tonic::Code;

const DATASET: &str = "driving_licences";
const SERVICE: &str = "vn.driving.v1.LicenceRegistry";
const GET: &str = "/vn.driving.v1.LicenceRegistry/GetLicence";
const LIST: &str = "/vn.driving.v1.LicenceRegistry/ListOffences";
const PROTO: &str = "vn/driving/v1/licence.proto";
const SET: &str = "vn/driving/v1/licence.binpb";
const NUMBER: &str = "790123456789";
/// What stands in every field that must not leave.
const SECRET: &str = "never to leave the registry";

const CONTRACT: &str = include_str!("process/licence.proto");
const AGREEMENT: &str = include_str!("process/licence.toml");

/// The contract as it is compiled here, beside the gateway.
struct Contract(DescriptorPool);

impl Contract {
    fn message(&self, name: &str, fields: Vec<(&str, Value)>) -> Result<DynamicMessage> {
        let descriptor = self.0.get_message_by_name(name);
        let mut message = DynamicMessage::new(descriptor.with_context(|| name.to_owned())?);
        for (field, value) in fields {
            message.try_set_field_by_name(field, value)?;
        }
        Ok(message)
    }

    fn nested(&self, name: &str, fields: Vec<(&str, Value)>) -> Result<Value> {
        Ok(Value::Message(self.message(name, fields)?))
    }

    fn date(&self, year: u32) -> Result<Value> {
        let fields = [("year", year), ("month", 2), ("day", 3)];
        let fields = fields.map(|(field, value)| (field, Value::U32(value)));
        self.nested("vn.common.v1.Date", fields.into())
    }

    /// A licence as the registry holds it, or what the view leaves of it.
    fn licence(&self, whole: bool) -> Result<DynamicMessage> {
        let secret = || Value::String(SECRET.to_owned());
        let mut holder = vec![
            ("full_name", Value::String("Trần Thị Ví Dụ".to_owned())),
            ("date_of_birth", self.date(1990)?),
        ];
        let entitlement = |category: &str, year| {
            let category = Value::String(category.to_owned());
            let fields = vec![("category", category), ("until", self.date(year)?)];
            self.nested("vn.driving.v1.Licence.Entitlement", fields)
        };
        let entitlements = vec![entitlement("A1", 2031)?, entitlement("B", 2034)?];
        let mut licence = vec![
            ("number", Value::String(NUMBER.to_owned())),
            ("entitlements", Value::List(entitlements)),
            ("status", Value::EnumNumber(1)),
        ];
        if whole {
            holder.push(("personal_id", secret()));
            licence.extend([("clinic", secret()), ("examiner_note", secret())]);
        }
        licence.push(("holder", self.nested("vn.driving.v1.Holder", holder)?));
        self.message("vn.driving.v1.Licence", licence)
    }

    fn offences(&self, whole: bool) -> Result<Vec<DynamicMessage>> {
        let offence = |year| {
            let mut fields = vec![("points", Value::U32(2)), ("on", self.date(year)?)];
            if whole {
                fields.push(("officer", Value::String(SECRET.to_owned())));
            }
            self.message("vn.driving.v1.Offence", fields)
        };
        (2020..2025).map(offence).collect()
    }

    fn request(&self, number: &str) -> Result<Vec<u8>> {
        let key = vec![("number", Value::String(number.to_owned()))];
        let key = self.nested("vn.driving.v1.LicenceKey", key)?;
        let request = self.message("vn.driving.v1.LicenceRequest", vec![("licence", key)])?;
        Ok(request.encode_to_vec())
    }

    /// The messages of a reply, as the contract reads them.
    fn read(&self, name: &str, reply: &Reply) -> Result<Vec<DynamicMessage>> {
        let descriptor = self
            .0
            .get_message_by_name(name)
            .with_context(|| name.to_owned())?;
        let messages = reply.messages()?.into_iter();
        let read = messages.map(|bytes| DynamicMessage::decode(descriptor.clone(), bytes));
        Ok(read.collect::<Result<_, _>>()?)
    }
}

/// In which form the owner hands over its contract.
#[derive(Clone, Copy)]
enum Form {
    Proto,
    DescriptorSet,
}

/// A deployment with the dataset's files in its catalogue and its owner's system running.
async fn lay(form: Form, text: &str) -> Result<(Deployment, Contract)> {
    let mut deployment = Deployment::lay().await?;
    let world = &mut deployment.world;
    let contracts = world.dir().join("catalog/contracts");
    world.write(&format!("catalog/contracts/{PROTO}"), text)?;
    let mut compiler = Compiler::new([&contracts])?;
    compiler.include_imports(true).open_file(PROTO)?;
    let contract = Contract(compiler.descriptor_pool());
    let named = match form {
        Form::Proto => PROTO,
        Form::DescriptorSet => {
            std::fs::write(contracts.join(SET), compiler.encode_file_descriptor_set())?;
            std::fs::remove_file(contracts.join(PROTO))?;
            SET
        }
    };
    let dataset = format!("id = \"{DATASET}\"\ncontract = \"{named}\"\nservice = \"{SERVICE}\"\n");
    world.write("catalog/datasets/driving.toml", &dataset)?;
    world.write("catalog/agreements/g01-h26-driving.toml", AGREEMENT)?;
    let offences = contract.offences(true)?;
    let offences = offences
        .iter()
        .map(|offence| offence.encode_to_vec().into());
    let licence = contract.licence(true)?.encode_to_vec();
    let holdings = Holdings::of(&contract.0)
        .only(SERVICE)
        .hold(GET, NUMBER, [licence.into()])?
        .hold(LIST, NUMBER, offences)?;
    world.add_provider(DATASET, SERVICE, holdings).await?;
    Ok((deployment, contract))
}

async fn is_governed(form: Form) -> Result<()> {
    let (deployment, contract) = lay(form, CONTRACT).await?;
    let gateway = deployment.serve()?;
    let client = deployment.connect(&gateway, "H26/one-stop").await?;
    let ask = async |path: &str, number: &str| {
        let message = contract.request(number)?;
        let question = Question {
            message,
            ..Question::of_desk(path, number)
        };
        let reply = client.call(&deployment.call(&question)?).await?;
        anyhow::Ok((question, reply))
    };

    let (question, reply) = ask(GET, NUMBER).await?;
    ensure!(reply.code() == Code::Ok, "{:?}", reply.status);
    let read = contract.read("vn.driving.v1.Licence", &reply)?;
    // R30: exactly what the view holds, down to the fields of nested messages.
    ensure!(
        read == [contract.licence(false)?],
        "other than the view: {read:?}"
    );
    ensure!(!reply.contains(SECRET), "a secret in the reply: {reply:?}");
    let withheld = reply
        .metadata("motlan-withheld")
        .unwrap_or_default()
        .to_owned();
    let mut withheld: Vec<&str> = withheld.split(',').collect();
    withheld.sort_unstable();
    ensure!(
        withheld == ["clinic", "examiner_note", "holder.personal_id"],
        "{withheld:?}"
    );

    let (_, reply) = ask(LIST, NUMBER).await?;
    let read = contract.read("vn.driving.v1.Offence", &reply)?;
    ensure!(
        read == contract.offences(false)?,
        "other than the view: {read:?}"
    );
    ensure!(!reply.contains(SECRET), "a secret in the reply: {reply:?}");
    let (_, reply) = ask(GET, "790000000000").await?;
    ensure!(
        reply.code() == Code::NotFound,
        "found nobody's licence: {:?}",
        reply.status
    );
    let (_, metrics) = get(&gateway.admin, "/metrics")?;
    ensure!(
        metrics.contains(DATASET),
        "the dataset is not counted: {metrics}"
    );
    // R61: not a subject, not a value.
    ensure!(
        !metrics.contains(NUMBER) && !metrics.contains(SECRET),
        "{metrics}"
    );
    let log = gateway.stop()?.err;
    ensure!(!log.contains(NUMBER) && !log.contains(SECRET), "{log}");
    is_on_record(&deployment, &question)
}

/// The ledger names the dataset, the view and the fields, and knows the subject at its path.
fn is_on_record(deployment: &Deployment, question: &Question) -> Result<()> {
    let entries = deployment.entries()?;
    let answered = entries.get(1).context("no outcome")?;
    let record = &answered.record;
    ensure!(record.kind() == RecordKind::Outcome && record.result() == Ended::Released);
    ensure!(
        record.dataset == DATASET && record.method == question.path,
        "{record:?}"
    );
    ensure!(record.grant == "g01-h26-driving/entitlement" && record.view == "entitlement");
    ensure!(
        answered.sealed.subject == question.subject,
        "the subject is not the number"
    );
    let results: Vec<Ended> = entries.iter().map(|entry| entry.record.result()).collect();
    let asked = Ended::Unspecified;
    let due = [
        asked,
        Ended::Released,
        asked,
        Ended::Released,
        asked,
        Ended::NotFound,
    ];
    ensure!(results == due, "other records: {results:?}");
    deployment.verified()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dataset_never_seen_before_is_governed_by_its_contract_alone() -> Result<()> {
    is_governed(Form::Proto).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_descriptor_set_does_as_well_as_the_contract_in_source() -> Result<()> {
    is_governed(Form::DescriptorSet).await
}

// R52: a view never reaches a field that is SECRET or unmarked; R51: with file and line.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_that_reaches_an_unmarked_field_is_refused_at_load() -> Result<()> {
    let path = "paths: \"status\"";
    ensure!(
        CONTRACT.matches(path).count() == 1,
        "the contract has changed"
    );
    for (reaching, named) in [
        ("paths: \"examiner_note\"", "Licence.examiner_note`"),
        // Through a message that is marked, to a field in it that is not.
        ("paths: \"holder\"", "Holder.personal_id`"),
    ] {
        let mut text = CONTRACT.replace(path, reaching);
        if reaching.contains("holder") {
            let marked = "personal_id = 2 [(motlan.contract.v1.field) = {class: CLASS_PERSONAL}];";
            ensure!(text.contains(marked), "the contract has changed");
            text = text.replace(marked, "personal_id = 2;");
            text = text.replace("      paths: \"holder.full_name\"\n", "");
            text = text.replace("      paths: \"holder.date_of_birth\"\n", "");
        }
        for form in [Form::Proto, Form::DescriptorSet] {
            let (deployment, _) = lay(form, &text).await?;
            for command in ["check", "serve"] {
                let refused = run(&mut deployment.motlan(&[command])?)?.exited(1)?;
                ensure!(refused.out.is_empty(), "it started: {}", refused.out);
                let fault = refused.err.lines().find(|line| line.contains(named));
                let fault = fault.with_context(|| format!("no {named}: {}", refused.err))?;
                ensure!(fault.contains("licence."), "no file: {fault}");
            }
        }
    }
    Ok(())
}
