//! Lookups of all kinds, and what else callers do.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use motlan_api::audit::v1::{Channel, EraseRequest, SearchRequest, SubjectAccessesRequest};
use motlan_api::once::v1::{CollectRequest, Wanted};
use motlan_testkit::Client;
use motlan_testkit::client::{Call, Reply};
use motlan_testkit::provider::{Misbehaviour, Seen};
use motlan_testkit::world::System;
use prost::Message;
use prost_types::value::Kind;
use prost_types::{Struct, Value};
use serde_json::json;
use tonic::Code;

use super::personal::Personal;
use crate::process::deployment::{Deployment, Question};
use crate::process::gateway::Gateway;

const DESK: &str = "H26/one-stop";
const RESIDENCE: &str = "1.004222";
const FUNERAL: &str = "1.014177";
const CHEMICALS: &str = "2.002093";
const DOSSIER: &str = "000.00.00.H26-261122-0001";
const CASE: &str = "VV-2026-0042-R";
const INCIDENT: &str = "sự cố 17 tại nhà bà hàng xóm";

pub(super) const PERSON: &str = "/vn.population.v1.PopulationRegistry/GetPerson";
const HOUSEHOLD: &str = "/vn.population.v1.PopulationRegistry/ListHousehold";
const BIRTH: &str = "/vn.civil_status.v1.CivilStatusRegistry/GetBirth";
const DEATH: &str = "/vn.civil_status.v1.CivilStatusRegistry/GetDeath";
const ENTERPRISE: &str = "/vn.business.v1.BusinessRegistry/GetEnterprise";
const PARCEL: &str = "/vn.land.v1.LandRegistry/GetParcel";

pub(super) const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
pub(super) const PARENT: &str = "b7ad6b7169203331";

/// What owners heard of the lookup that brought a trace with it.
pub(super) struct Heard {
    pub(super) trace_parent: String,
}

pub(super) struct Traffic<'a> {
    deployment: &'a Deployment,
    gateway: &'a Gateway,
    client: Client,
    personal: Personal,
    heard: Heard,
}

impl<'a> Traffic<'a> {
    pub(super) async fn new(deployment: &'a Deployment, gateway: &'a Gateway) -> Result<Self> {
        let mut personal = Personal::of(&deployment.world);
        for text in [DOSSIER, CASE, INCIDENT] {
            personal.add(text);
        }
        Ok(Self {
            deployment,
            gateway,
            client: deployment.connect(gateway, DESK).await?,
            personal,
            heard: Heard {
                trace_parent: String::new(),
            },
        })
    }

    /// What must stand nowhere by now, and what owners heard.
    pub(super) fn told(self) -> (Personal, Heard) {
        (self.personal, self.heard)
    }

    pub(super) async fn all_kinds(&mut self) -> Result<()> {
        self.traced().await?;
        self.allowed().await?;
        self.refused().await?;
        self.misbehaving().await?;
        self.strange_tokens().await?;
        self.strange_messages().await?;
        self.strange_connections().await?;
        self.collected().await?;
        self.looks().await
    }

    fn system(&self, id: &str) -> Result<&'a System> {
        Ok(self.deployment.world.system(id)?)
    }

    /// A token of the desk, which must stand nowhere.
    fn token(&mut self, procedure: &str) -> Result<String> {
        let desk = self.system(DESK)?;
        let token = desk.sign(&desk.token(procedure)?.dossier(DOSSIER))?;
        self.personal.add_token(&token);
        Ok(token)
    }

    fn question(&mut self, path: &str, subject: &str, procedure: &str) -> Result<Call> {
        let message = Question::of_desk(path, subject).message;
        Ok(Call::new(path, &message)?.bearer(&self.token(procedure)?)?)
    }

    async fn ask(&mut self, path: &str, subject: &str, procedure: &str) -> Result<Reply> {
        let call = self.question(path, subject, procedure)?;
        Ok(self.client.call(&call).await?)
    }

    async fn must(&mut self, code: Code, path: &str, subject: &str, procedure: &str) -> Result<()> {
        let reply = self.ask(path, subject, procedure).await?;
        ensure!(reply.code() == code, "{path}: {:?}", reply.status);
        Ok(())
    }

    /// R43: with a trace that began at the caller.
    async fn traced(&mut self) -> Result<()> {
        let person = self.deployment.world.sample().roles.person.clone();
        let parent = format!("00-{TRACE}-{PARENT}-01");
        let call = self.question(PERSON, &person, RESIDENCE)?;
        let reply = self
            .client
            .call(&call.metadata("traceparent", &parent)?)
            .await?;
        ensure!(reply.code() == Code::Ok, "{:?}", reply.status);
        let owner = self.deployment.world.provider("population");
        let seen: Vec<Seen> = owner.context("no owner")?.take_seen();
        let heard = seen.iter().find_map(|it| it.metadata("traceparent"));
        heard
            .context("no trace")?
            .clone_into(&mut self.heard.trace_parent);
        Ok(())
    }

    async fn allowed(&mut self) -> Result<()> {
        let roles = self.deployment.world.sample().roles.clone();
        let plain = Question::of_desk(PERSON, &roles.person);
        let Question {
            system,
            procedure,
            path,
            subject,
            ..
        } = &plain;
        let said = format!("{system} asks {path} for {procedure}");
        ensure!(self.personal.in_bytes(said.as_bytes()).is_empty(), "{said}");
        ensure!(!self.personal.in_bytes(subject.as_bytes()).is_empty());
        let reply = self.client.call(&self.deployment.call(&plain)?).await?;
        ensure!(reply.code() == Code::Ok, "{:?}", reply.status);
        for (path, subject, procedure) in [
            (PERSON, &roles.person, RESIDENCE),
            (HOUSEHOLD, &roles.person, RESIDENCE),
            (DEATH, &roles.deceased, FUNERAL),
            (ENTERPRISE, &roles.enterprise, CHEMICALS),
            (PARCEL, &roles.certificate, RESIDENCE),
        ] {
            let reply = self.ask(path, subject, procedure).await?;
            let reason = reply.reason();
            ensure!(reply.code() == Code::Ok, "{path}: {reason:?}");
        }
        self.must(Code::NotFound, PERSON, &roles.unknown_person, RESIDENCE)
            .await
    }

    /// By the rules; and for what a caller wrote where only names belong.
    async fn refused(&mut self) -> Result<()> {
        let roles = self.deployment.world.sample().roles.clone();
        self.must(Code::PermissionDenied, PERSON, &roles.spouse, FUNERAL)
            .await?;
        self.must(Code::PermissionDenied, BIRTH, &roles.child, RESIDENCE)
            .await?;
        for name in [
            "motlan-grant",
            "motlan-fields",
            "motlan-consent",
            "traceparent",
        ] {
            let call = self.question(PERSON, &roles.spouse, RESIDENCE)?;
            let call = call.metadata(name, &roles.spouse)?;
            let code = self.client.call(&call).await?.code();
            ensure!(name == "traceparent" || code != Code::Ok, "{name}: {code}");
        }
        Ok(())
    }

    async fn misbehaving(&mut self) -> Result<()> {
        let person = self.deployment.world.sample().roles.person.clone();
        let owner = self.deployment.world.provider("population");
        let owner = owner.context("no owner")?;
        for how in [
            Misbehaviour::Garbage,
            Misbehaviour::Status(Code::Internal),
            Misbehaviour::Chatty,
            Misbehaviour::Truncated(0),
            Misbehaviour::UnknownFields,
            Misbehaviour::Compressed,
            Misbehaviour::Oversized(8 << 20),
            Misbehaviour::Reset(0),
            Misbehaviour::WrongLength(3),
            Misbehaviour::NoStatus,
            Misbehaviour::NotGrpc(502),
        ] {
            owner.misbehave(PERSON, None, how);
            let _whatever_it_is = self.ask(PERSON, &person, RESIDENCE).await?;
        }
        owner.misbehave(PERSON, None, Misbehaviour::Silent);
        let call = self.question(PERSON, &person, RESIDENCE)?;
        let call = call.deadline(Duration::from_millis(400))?;
        let code = self.client.call(&call).await?.code();
        ensure!(code == Code::DeadlineExceeded, "{code}");
        owner.behave();
        Ok(())
    }

    /// Each with something personal where it does not belong.
    async fn strange_tokens(&mut self) -> Result<()> {
        let person = self.deployment.world.sample().roles.person.clone();
        let desk = self.system(DESK)?;
        let right = || desk.token(RESIDENCE);
        let tokens = [
            right()?.claim("iss", person.as_str()),
            right()?.audience(&person),
            right()?.header("kid", person.as_str()),
            right()?.header("alg", person.as_str()),
            right()?.expires_s(1),
            right()?.procedure(&person),
            right()?.variant(&person),
            right()?.incident(INCIDENT),
            right()?.claim(&person, "x"),
            right()?.bound_to(&person),
            right()?.without("sub").claim("jti", person.as_str()),
        ];
        let mut signed = vec![person.clone(), format!("{person}.{person}.{person}")];
        for token in tokens {
            signed.push(desk.sign(&token)?);
        }
        for token in signed {
            self.personal.add_token(&token);
            let message = Question::of_desk(PERSON, &person).message;
            let call = Call::new(PERSON, &message)?.bearer(&token)?;
            let _refused_or_not = self.client.call(&call).await?;
        }
        Ok(())
    }

    async fn strange_messages(&mut self) -> Result<()> {
        let person = self.deployment.world.sample().roles.person.clone();
        let odd = format!("{person}x");
        self.must(Code::NotFound, PERSON, &odd, RESIDENCE).await?;
        self.must(Code::InvalidArgument, PERSON, "", RESIDENCE)
            .await?;
        let nowhere = format!("/vn.population.v1.PopulationRegistry/{person}");
        self.must(Code::Unimplemented, &nowhere, &person, RESIDENCE)
            .await?;
        let nowhere = format!("/{person}/GetPerson");
        self.must(Code::Unimplemented, &nowhere, &person, RESIDENCE)
            .await?;
        for body in [
            person.clone(),
            format!("\0\0\0\0\u{c}{person}"),
            String::new(),
        ] {
            let token = self.token(RESIDENCE)?;
            let call = Call::raw(PERSON, body.into())?.bearer(&token)?;
            let code = self.client.call(&call).await?.code();
            ensure!(code != Code::Ok, "{code}");
        }
        Ok(())
    }

    async fn strange_connections(&mut self) -> Result<()> {
        let world = &self.deployment.world;
        let bare = world.authority().client_config(None)?;
        let stranger = Client::connect(&self.gateway.address, bare).await;
        ensure!(stranger.is_err(), "a stranger was let in");
        Ok(())
    }

    /// A dossier of which something differs.
    async fn collected(&mut self) -> Result<()> {
        let roles = self.deployment.world.sample().roles.clone();
        let declared = |name: &str| Struct {
            fields: [(
                "full_name".to_owned(),
                Value {
                    kind: Some(Kind::StringValue(name.to_owned())),
                },
            )]
            .into(),
        };
        const DECLARED: &str = "Nguyễn Thị Không Phải Thế";
        self.personal.add(DECLARED);
        let wanted = |subject: &String, name: Option<&str>| Wanted {
            document: "identity_paper".to_owned(),
            subject: subject.clone(),
            declared: name.map(declared),
            ..Wanted::default()
        };
        let components = vec![
            wanted(&roles.person, Some(DECLARED)),
            wanted(&roles.spouse, None),
            wanted(&roles.unknown_person, None),
        ];
        let request = CollectRequest {
            procedure: RESIDENCE.to_owned(),
            variant: "3".to_owned(),
            dossier: DOSSIER.to_owned(),
            channel: Channel::Online.into(),
            received_us: 0,
            components,
        };
        let desk = self.system(DESK)?;
        let token = desk.token(RESIDENCE)?.dossier(DOSSIER).variant("3");
        let token = desk.sign(&token)?;
        self.personal.add_token(&token);
        let reply = self
            .send("/motlan.once.v1.OnceOnly/Collect", &request, &token)
            .await?;
        ensure!(reply.messages()?.len() == 3, "{:?}", reply.status);
        let wrong = CollectRequest {
            dossier: roles.person.clone(),
            variant: roles.person.clone(),
            ..request
        };
        let reply = self
            .send("/motlan.once.v1.OnceOnly/Collect", &wrong, &token)
            .await?;
        ensure!(reply.code() == Code::InvalidArgument, "{:?}", reply.status);
        Ok(())
    }

    async fn send(&self, path: &str, request: &impl Message, token: &str) -> Result<Reply> {
        let call = Call::new(path, &request.encode_to_vec())?.bearer(token)?;
        Ok(self.client.call(&call).await?)
    }

    /// At the audit trail: a search, a citizen's view, one without the role, and an erasure.
    async fn looks(&mut self) -> Result<()> {
        let subject = self.deployment.world.sample().roles.spouse.clone();
        let search = SearchRequest {
            subject: subject.clone(),
            ..SearchRequest::default()
        };
        self.look("G20/inspection", "Search", &search, Code::Ok)
            .await?;
        self.look(DESK, "Search", &search, Code::PermissionDenied)
            .await?;
        let accesses = SubjectAccessesRequest {
            subject: subject.clone(),
            ..SubjectAccessesRequest::default()
        };
        self.look("G22/citizen-portal", "SubjectAccesses", &accesses, Code::Ok)
            .await?;
        self.recorded()?;
        let erase = EraseRequest {
            subject,
            dataset: String::new(),
            ground: "order 17 of the data protection authority".to_owned(),
        };
        self.look("G01/data-protection", "Erase", &erase, Code::Ok)
            .await
    }

    /// R37: the ledger knows whom it was all about, and in the sealed parts alone.
    fn recorded(&self) -> Result<()> {
        for entry in self.deployment.entries()? {
            let in_clear = entry.record.encode_to_vec();
            let found = self.personal.in_bytes(&in_clear);
            ensure!(found.is_empty(), "{}: {found:?}", entry.id);
            let sealed = entry.sealed.encode_to_vec();
            let is_change = entry.sealed.subject.is_empty();
            let found = self.personal.in_bytes(&sealed);
            ensure!(is_change || !found.is_empty(), "{}", entry.id);
        }
        Ok(())
    }

    async fn look(
        &mut self,
        system: &'static str,
        method: &str,
        request: &impl Message,
        code: Code,
    ) -> Result<()> {
        let own = self.system(system)?;
        let purpose = json!({ "basis": "Điều 9", "dossier": CASE });
        let token = own.sign(&own.token(RESIDENCE)?.claim("purpose", purpose))?;
        self.personal.add_token(&token);
        let client = self.deployment.connect(self.gateway, system).await?;
        let path = format!("/motlan.audit.v1.Audit/{method}");
        let call = Call::new(&path, &request.encode_to_vec())?.bearer(&token)?;
        let reply = client.call(&call).await?;
        ensure!(
            reply.code() == code,
            "{system}: {method}: {:?}",
            reply.status
        );
        Ok(())
    }
}
