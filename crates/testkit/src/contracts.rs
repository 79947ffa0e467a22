//! The reference contracts in `proto/vn`, as messages and as descriptors.

use prost_reflect::{DescriptorError, DescriptorPool};

/// The descriptors of the reference contracts with their imports and comments, as an encoded
/// `google.protobuf.FileDescriptorSet`.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/contracts.binpb"));

/// The descriptors of the reference contracts.
///
/// # Errors
/// Never for the contracts as built; the type says what the library may answer.
pub fn pool() -> Result<DescriptorPool, DescriptorError> {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET)
}

/// `vn.common`: what the registries share.
pub mod common {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("vn.common.v1");
    }
}

/// `vn.population`: the national population database.
pub mod population {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("vn.population.v1");
    }
}

/// `vn.civil_status`: the electronic civil status database.
pub mod civil_status {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("vn.civil_status.v1");
    }
}

/// `vn.business`: the national business registration database.
pub mod business {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("vn.business.v1");
    }
}

/// `vn.land`: the national land database.
pub mod land {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("vn.land.v1");
    }
}
