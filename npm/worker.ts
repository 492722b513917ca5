// The script of a worker: it is given the compiled module, and then jobs. Nothing else runs here.
import { deriveSlow, finishMany, initSync, rsaCheck, rsaGenerate, rsaUnwrap, workChunks } from "./core/wardkey_core.js";
import { buffers, type Failure, perform, type Reply, type Request, type Start } from "./jobs.js";

const core = { deriveSlow, finishMany, rsaCheck, rsaGenerate, rsaUnwrap, workChunks };

addEventListener("message", ({ data, ports: [port] }: MessageEvent<Partial<Start> | undefined>) => {
  if (data?.wardkey !== 1 || !data.module || !port) return;
  const reply = (message: Reply, moved: Transferable[] = []) => port.postMessage(message, moved);
  port.onmessage = ({ data: { id, job, given } }: MessageEvent<Request>) => {
    let ok: Uint8Array;
    try {
      ok = perform(core, job, given);
    } catch (e) {
      // A trap leaves the module in no state to go on: the worker's error event ends it.
      if (!(e instanceof Error && "code" in e)) throw e;
      const { code, message } = e as Error & Failure;
      reply({ id, error: { code, message } });
      return;
    }
    reply({ id, ok }, buffers([ok]));
  };
  initSync({ module: data.module });
  reply({ ready: true });
});
