//! Health and reflection, as any gRPC client asks for them.

use motlan_testkit::client::{Call, Reply};
use prost::Message;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use crate::system::running::Running;
use crate::system::until::until;

const CHECK: &str = "/grpc.health.v1.Health/Check";
const REFLECT: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const POPULATION: &str = "vn.population.v1.PopulationRegistry";

async fn ask(running: &Running, path: &str, request: &impl Message) -> Reply {
    let call = Call::new(path, &request.encode_to_vec()).unwrap();
    running.desk.call(&call).await.unwrap()
}

fn answer<M: Message + Default>(reply: &Reply) -> M {
    assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);
    M::decode(reply.messages().unwrap().remove(0)).unwrap()
}

#[tokio::test]
async fn health_answers_for_the_gateway_and_for_each_dataset() {
    let running = Running::start().await;
    let health = async |service: &str| {
        let service = service.to_owned();
        ask(&running, CHECK, &HealthCheckRequest { service }).await
    };
    for service in ["", POPULATION, "vn.land.v1.LandRegistry"] {
        until("serving", async || {
            let reply = health(service).await;
            let serving = reply.code() == Code::Ok
                && answer::<HealthCheckResponse>(&reply).status() == ServingStatus::Serving;
            serving.then_some(())
        })
        .await;
    }
    assert_eq!(health("vn.nothing.v1.Nothing").await.code(), Code::NotFound);
    running.stop().await;
}

#[tokio::test]
async fn reflection_tells_the_contracts() {
    let running = Running::start().await;
    let reflect = async |message_request| {
        let request = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(message_request),
        };
        let reply = ask(&running, REFLECT, &request).await;
        let response = answer::<ServerReflectionResponse>(&reply);
        response.message_response.unwrap()
    };
    let listed = reflect(MessageRequest::ListServices("*".to_owned())).await;
    let MessageResponse::ListServicesResponse(listed) = listed else {
        panic!("{listed:?}");
    };
    let names: Vec<String> = listed.service.into_iter().map(|one| one.name).collect();
    for name in [POPULATION, "motlan.audit.v1.Audit", "grpc.health.v1.Health"] {
        assert!(names.contains(&name.to_owned()), "{names:?}");
    }
    let symbol = MessageRequest::FileContainingSymbol(POPULATION.to_owned());
    let MessageResponse::FileDescriptorResponse(file) = reflect(symbol).await else {
        panic!("no file");
    };
    let holds = |file: &Vec<u8>| {
        let needle = b"PopulationRegistry";
        file.windows(needle.len()).any(|part| part == needle)
    };
    assert!(file.file_descriptor_proto.iter().any(holds));
    running.stop().await;
}

/// R24: a suspended system gets nothing of the gateway's own either.
#[tokio::test]
async fn a_suspended_system_is_refused_by_the_gateways_own_services() {
    let running = Running::start().await;
    let suspended = running.client("H17/one-stop").await;
    for path in [CHECK, REFLECT, "/motlan.audit.v1.Audit/GetReceipt"] {
        let reply = suspended
            .call(&Call::new(path, &[]).unwrap())
            .await
            .unwrap();
        assert_eq!(reply.code(), Code::PermissionDenied, "{path}");
        assert_eq!(reply.reason().as_deref(), Some("SYSTEM_SUSPENDED"));
    }
    running.stop().await;
}

/// R4: without a token, a caller may not have much held for it.
#[tokio::test]
async fn a_large_message_to_the_gateways_own_services_is_refused() {
    let running = Running::start().await;
    let long = "x".repeat(20 * 1024);
    for path in [CHECK, "/motlan.audit.v1.Audit/GetReceipt"] {
        let service = long.clone();
        let reply = ask(&running, path, &HealthCheckRequest { service }).await;
        assert_eq!(reply.code(), Code::OutOfRange, "{path}: {:?}", reply.status);
    }
    // Reflection ends such a stream without a word; what it does read, it answers.
    let ask_for = async |symbol: &str| {
        let message_request = Some(MessageRequest::FileContainingSymbol(symbol.to_owned()));
        let host = String::new();
        let request = ServerReflectionRequest {
            host,
            message_request,
        };
        ask(&running, REFLECT, &request).await
    };
    assert_eq!(ask_for("x").await.code(), Code::NotFound);
    let reply = ask_for(&long).await;
    assert_eq!(reply.code(), Code::Ok);
    assert!(reply.messages().unwrap().is_empty());
    running.stop().await;
}
