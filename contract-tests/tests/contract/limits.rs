//! The limits of the server: each is gone over, and answered as the contract has it.

mod bodies;
mod connections;
mod crowd;
mod heads;
mod rates;
mod requests;
mod untaken;
