//! The mask against the traps of the wire format, and against a slow and obvious twin.

#[cfg(test)]
mod contracts;
#[cfg(test)]
mod malformed;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod oneofs;
#[cfg(test)]
mod paths;
#[cfg(test)]
mod property;
#[cfg(test)]
mod traps;
#[cfg(test)]
mod twin;
#[cfg(test)]
mod wire;
#[cfg(test)]
mod withheld;
