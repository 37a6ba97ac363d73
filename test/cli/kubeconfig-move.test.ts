import { unlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { SpecFiles } from '../../src/cli/session/spec-files.ts';
import { Clusters } from '../../src/cli/wiring/clusters.ts';
import { findCluster } from '../../src/kubernetes/connect.ts';
import { kubeconfigFiles } from '../../src/kubernetes/kubeconfig/kubeconfig.ts';
import { ChokidarFileEvents } from '../../src/platform/chokidar.ts';
import { REWRITES } from '../fakes/rewrites.ts';
import { temporaryDirectory } from '../fakes/temporary.ts';
import {
  type ApiServer,
  answerJson,
  makeCertificates,
  minikubeKubeconfig,
  NO_PROGRAMS,
  startApiServer,
  urlOf,
} from '../kubernetes/api-server.ts';
import * as build from '../planner/build.ts';

const PROFILE = build.profile();

/** A cluster with an authority of its own, and the kubeconfig that leads to it. */
async function startCluster(
  dir: string,
): Promise<{ readonly server: ApiServer; readonly kubeconfig: string }> {
  const server = await startApiServer(await makeCertificates());
  onTestFinished(() => server.close());
  server.handle((_, response) => answerJson(response, 200, { gitVersion: 'v1.34.0' }));
  const caFile = join(dir, `ca-${server.port}.crt`);
  await writeFile(caFile, server.certificates.ca);
  return { server, kubeconfig: JSON.stringify(minikubeKubeconfig(PROFILE.name, urlOf(server), caFile)) };
}

/** Follows a kubeconfig of two files, of which the first is not there yet, and looks at it when told to, and then alone. */
async function following() {
  const home = await temporaryDirectory();
  const [first, file] = [join(home, 'not-there-yet'), join(home, 'kubeconfig')];
  const env = { KUBECONFIG: [first, file].join(delimiter) };
  const [before, after] = await Promise.all([startCluster(home), startCluster(home)]);
  await writeFile(file, before.kubeconfig);
  const clusters = new Clusters(({ context, name }) =>
    findCluster({ context, profile: name, env, home, programs: NO_PROGRAMS }),
  );
  const files = new SpecFiles(new ChokidarFileEvents(), async () => kubeconfigFiles(env, home));
  /** Where each look led: the server, with the address on which it answered by its own certificate. */
  const seen: string[] = [];
  const look = async (): Promise<void> => {
    const cluster = await clusters.of(PROFILE).catch(() => null);
    const context = await cluster?.context();
    seen.push(context === undefined ? 'nowhere' : `${context.server} ${context.answeredAt}`);
  };
  let looking = look();
  files.listen(() => {
    clusters.doubt();
    looking = looking.then(look);
  });
  onTestFinished(async () => {
    await files.stop();
    await looking;
    await clusters.close();
  });
  await files.follow(build.desired([PROFILE], { spec: join(home, 'tunnel.yaml') }));
  await looking;
  return {
    first,
    file,
    before,
    after,
    /** Long before anything is read again without a hint. */
    leads: async (to: 'nowhere' | ApiServer) => {
      const expected = to === 'nowhere' ? to : `${urlOf(to)} 127.0.0.1`;
      await vi.waitFor(() => expect(seen.at(-1)).toBe(expected), { timeout: 20_000, interval: 5 });
    },
  };
}

it.each(REWRITES)(
  'a kubeconfig that is rewritten %s leads to the other server at once',
  async (_, rewrite) => {
    const { file, before, after, leads } = await following();
    await leads(before.server);
    await rewrite(file, after.kubeconfig);
    await leads(after.server);
    await rewrite(file, before.kubeconfig);
    await leads(before.server);
  },
);

it('one that is read half written is read again once it is whole', async () => {
  const { file, before, after, leads } = await following();
  await leads(before.server);
  await writeFile(file, after.kubeconfig.slice(0, after.kubeconfig.length / 2));
  await leads('nowhere');
  await writeFile(file, after.kubeconfig);
  await leads(after.server);
});

it('an earlier file of KUBECONFIG wins as soon as it is there, and no longer than that', async () => {
  const { first, before, after, leads } = await following();
  await leads(before.server);
  await writeFile(first, after.kubeconfig);
  await leads(after.server);
  await unlink(first);
  await leads(before.server);
});
