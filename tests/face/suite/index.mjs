import account from "./account.mjs";
import argumentsSuite from "./arguments.mjs";
import backends from "./backends.mjs";
import backup from "./backup.mjs";
import beside from "./beside.mjs";
import bulk from "./bulk.mjs";
import cache from "./cache.mjs";
import clientArguments from "./client-arguments.mjs";
import clientCache from "./client-cache.mjs";
import data from "./data.mjs";
import engines from "./engines.mjs";
import entities from "./entities.mjs";
import errors from "./errors.mjs";
import free from "./free.mjs";
import groups from "./groups.mjs";
import httpBackend from "./http-backend.mjs";
import httpEvents from "./http-events.mjs";
import keys from "./keys.mjs";
import locking from "./locking.mjs";
import long from "./long.mjs";
import many from "./many.mjs";
import memory from "./memory.mjs";
import options from "./options.mjs";
import parts from "./parts.mjs";
import quiet from "./quiet.mjs";
import random from "./random.mjs";
import ranges from "./ranges.mjs";
import recipients from "./recipients.mjs";
import recovery from "./recovery.mjs";
import sessionData from "./session-data.mjs";
import shared from "./shared.mjs";
import sharing from "./sharing.mjs";
import start from "./start.mjs";
import streams from "./streams.mjs";
import testing from "./testing.mjs";
import trust from "./trust.mjs";
import vectors from "./vectors.mjs";
import workers from "./workers.mjs";

export const suites = {
  start,
  parts,
  errors,
  arguments: argumentsSuite,
  options,
  data,
  many,
  shared,
  long,
  bulk,
  beside,
  streams,
  ranges,
  free,
  keys,
  backup,
  engines,
  workers,
  quiet,
  cache,
  clientCache,
  random,
  memory,
  sessionData,
  groups,
  entities,
  account,
  backends,
  httpBackend,
  httpEvents,
  clientArguments,
  locking,
  recipients,
  recovery,
  sharing,
  trust,
  testing,
  vectors,
};
