//! gRPC reflection: the contracts of one set in force, with the gateway's own.

use std::convert::Infallible;

use http::{Request, Response};
use motlan_catalog::Catalog;
use tonic::body::Body;
use tonic::service::Routes;
use tower::util::BoxCloneSyncService;

use super::{MESSAGE_BYTES_MAX, traced};

/// The service, in both of its versions. Part of a set: callers see the contracts that decide.
#[derive(Clone)]
pub(crate) struct Reflection(
    pub(super) BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>,
);

/// Why there is no reflection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReflectionError {
    /// The gateway's own contracts and the catalogue's do not go together.
    #[error("the catalogue's contracts clash with the gateway's own")]
    Contracts(#[from] prost_reflect::DescriptorError),
    /// Reflection does not accept the contracts.
    #[error("reflection does not accept the contracts")]
    Reflection(#[from] tonic_reflection::server::Error),
}

impl Reflection {
    /// Takes the contracts from the catalogue.
    ///
    /// # Errors
    /// [`ReflectionError`] where they do not go together.
    pub(crate) fn new(catalog: &Catalog) -> Result<Self, ReflectionError> {
        let mut pool = catalog.pool().clone();
        pool.decode_file_descriptor_set(motlan_api::FILE_DESCRIPTOR_SET)?;
        // So that a command-line client can show the details of an error.
        pool.decode_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)?;
        let contracts = pool.encode_to_vec();
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(&contracts)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let mut routes = Routes::builder();
        routes
            .add_service(
                reflection()
                    .build_v1()?
                    .max_decoding_message_size(MESSAGE_BYTES_MAX),
            )
            .add_service(
                reflection()
                    .build_v1alpha()?
                    .max_decoding_message_size(MESSAGE_BYTES_MAX),
            );
        Ok(Self(traced(routes.routes())))
    }
}
