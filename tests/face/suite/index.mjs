import argumentsSuite from "./arguments.mjs";
import backup from "./backup.mjs";
import cache from "./cache.mjs";
import data from "./data.mjs";
import errors from "./errors.mjs";
import free from "./free.mjs";
import keys from "./keys.mjs";
import long from "./long.mjs";
import many from "./many.mjs";
import memory from "./memory.mjs";
import random from "./random.mjs";
import start from "./start.mjs";
import vectors from "./vectors.mjs";

export const suites = {
  start,
  errors,
  arguments: argumentsSuite,
  data,
  many,
  long,
  free,
  keys,
  backup,
  cache,
  random,
  memory,
  vectors,
};
