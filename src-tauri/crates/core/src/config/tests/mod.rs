mod edit;
mod models;
mod properties;
mod read;
mod splice;
