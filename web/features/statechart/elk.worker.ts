// The thread elk lays charts out in. Elk's own script: it listens on its global and answers there.

import "elkjs/lib/elk-worker.min.js";
