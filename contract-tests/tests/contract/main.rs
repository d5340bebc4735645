//! The contract, behaviour by behaviour. The modules mirror the paths of the API, and then what stands
//! around them; each test runs on both databases where there is one to run on.

mod around;
mod audit;
mod authentication;
mod check_token;
mod cors;
mod coverage;
mod deployment;
mod doctor;
mod document;
mod embedded;
mod first_steps;
mod health;
mod healthcheck;
mod hostile;
mod limits;
mod memory;
mod migrations;
mod monitoring;
mod outage;
mod ownership;
mod pages;
mod parameters;
mod pooler;
mod problems;
mod process;
mod released;
mod row_security;
mod schemas;
mod security;
mod serverless;
mod tasks;
mod telemetry;
mod tls;
mod users;
