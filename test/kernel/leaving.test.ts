import { describeLeaving } from '../cluster/leaving.ts';
import { startApi } from '../embedded-api/client.ts';

describeLeaving('the embedded API', null, async () => {
  const { api, client } = await startApi();
  return {
    access: api,
    close: async () => {
      client.close();
      await api.close();
    },
  };
});
