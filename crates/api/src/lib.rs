//! The code generated from `proto/motlan`: the contract options, the ledger's records and motlan's
//! own services. Nothing is written by hand here. The owners' datasets are not in it: their
//! contracts are loaded with the catalogue, so that a dataset is added without a rebuild.
//!
//! One module per protobuf package and version: [`audit::v1`], [`policy::v1`], [`once::v1`],
//! [`contract::v1`].

/// The descriptors of all files in `proto/motlan` with their imports and comments, as an encoded
/// `google.protobuf.FileDescriptorSet`.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/motlan.binpb"));

/// Personal: each prints as its name and `(..)`.
macro_rules! personal {
    ($($message:ident),+ $(,)?) => {$(
        impl std::fmt::Debug for $message {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($message), "(..)"))
            }
        }
    )+};
}

/// `motlan.audit`: what the ledger holds, and what callers may ask of it.
pub mod audit {
    /// Version 1.
    #[expect(
        clippy::allow_attributes,
        clippy::too_many_lines,
        reason = "generated code"
    )]
    pub mod v1 {
        tonic::include_proto!("motlan.audit.v1");

        personal!(
            Sealed,
            Held,
            SearchRequest,
            SubjectAccessesRequest,
            PlaceHoldRequest,
            EraseRequest
        );
    }
}

/// `motlan.policy`: what uses of agreements leave behind.
pub mod policy {
    /// Version 1.
    #[expect(
        clippy::allow_attributes,
        clippy::too_many_lines,
        reason = "generated code"
    )]
    pub mod v1 {
        tonic::include_proto!("motlan.policy.v1");

        personal!(Notice);
    }
}

/// `motlan.once`: what the law lets a desk ask of a citizen.
pub mod once {
    /// Version 1.
    #[expect(
        clippy::allow_attributes,
        clippy::too_many_lines,
        reason = "generated code"
    )]
    pub mod v1 {
        tonic::include_proto!("motlan.once.v1");

        personal!(
            CollectRequest,
            Wanted,
            CollectResponse,
            Evidence,
            Ground,
            Correction,
            CloseCorrectionRequest,
        );
    }
}

/// `motlan.contract`: the options that make a service a dataset.
pub mod contract {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("motlan.contract.v1");
    }
}
