-- A history of schema 2, as that version of buildrec wrote it.
PRAGMA application_id = 1651664227;
PRAGMA user_version = 2;
BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'buildrec','1_tables','2026-11-23 20:29:44.835317+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'buildrec','2_days','2026-11-23 23:32:12.677309+00:00');
CREATE TABLE build_days (
  image_name TEXT NOT NULL,
  day TEXT NOT NULL,
  builds INTEGER NOT NULL,
  completed INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  all_us INTEGER NOT NULL,
  completed_us INTEGER NOT NULL,
  min_us INTEGER,
  max_us INTEGER,
  saved_us INTEGER NOT NULL,
  ratios INTEGER NOT NULL,
  ratio_ppm INTEGER NOT NULL,
  cold INTEGER NOT NULL,
  warm INTEGER NOT NULL,
  cold_us INTEGER NOT NULL,
  warm_us INTEGER NOT NULL,
  ratios_us INTEGER NOT NULL,
  last_size_mb REAL,
  PRIMARY KEY (image_name, day)
) WITHOUT ROWID;
INSERT INTO "build_days" VALUES('cart','2026-03-02',2,2,0,26000000,26000000,11500000,14500000,0,2,1000000,1,1,14500000,11500000,26000000,2.0);
INSERT INTO "build_days" VALUES('cart','2026-03-03',1,1,0,17500000,17500000,17500000,17500000,0,1,500000,0,0,0,0,17500000,6.0);
INSERT INTO "build_days" VALUES('cart','2026-03-04',1,1,0,20500000,20500000,20500000,20500000,0,1,1000000,0,1,0,20500000,20500000,8.0);
INSERT INTO "build_days" VALUES('shop','2026-03-01',1,1,0,10000000,10000000,10000000,10000000,0,1,0,1,0,10000000,0,10000000,NULL);
INSERT INTO "build_days" VALUES('shop','2026-03-02',1,1,0,13000000,13000000,13000000,13000000,0,1,500000,0,0,0,0,13000000,3.0);
INSERT INTO "build_days" VALUES('shop','2026-03-03',2,1,1,35000000,19000000,19000000,19000000,0,1,0,1,0,19000000,0,19000000,5.0);
INSERT INTO "build_days" VALUES('web','2026-03-01',1,0,1,7500000,0,NULL,NULL,0,0,0,0,0,0,0,0,NULL);
CREATE TABLE build_statistics (
  id INTEGER PRIMARY KEY,
  image_name TEXT NOT NULL UNIQUE,
  avg_duration REAL,
  avg_size_mb REAL,
  total_builds INTEGER NOT NULL,
  last_build_timestamp TEXT,
  timezone TEXT,
  updated_at TEXT NOT NULL,
  successful_builds INTEGER NOT NULL,
  failed_builds INTEGER NOT NULL,
  min_duration REAL,
  max_duration REAL,
  median_duration REAL,
  p95_duration REAL,
  last_duration REAL,
  last_size_mb REAL,
  avg_cache_ratio REAL,
  total_duration REAL NOT NULL
);
INSERT INTO "build_statistics" VALUES(1,'shop',14.0,4.0,4,'2026-03-04T01:30:00.000+08:00','Asia/Singapore','2026-11-23T20:29:44.861Z',3,1,10.0,19.0,13.0,19.0,19.0,5.0,1.66666666666666657414e-01,58.0);
INSERT INTO "build_statistics" VALUES(2,'cart',16.0,5.33333333333333303727e+00,4,'2026-03-04T08:30:00.000+08:00','Asia/Singapore','2026-11-23T20:29:44.862Z',4,0,11.5,20.5,16.0,20.5,20.5,8.0,0.625,64.0);
INSERT INTO "build_statistics" VALUES(3,'web',NULL,NULL,1,'2026-03-01T18:00:00.000+08:00','Asia/Singapore','2026-11-23T23:32:12.691Z',0,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,7.5);
CREATE TABLE build_steps (
  build_id INTEGER NOT NULL REFERENCES docker_builds (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  name_id INTEGER NOT NULL REFERENCES step_names (id),
  cached INTEGER NOT NULL,
  shared INTEGER NOT NULL,
  critical INTEGER NOT NULL,
  started_us INTEGER,
  duration_us INTEGER,
  bytes INTEGER,
  error TEXT,
  PRIMARY KEY (build_id, position)
) WITHOUT ROWID;
INSERT INTO "build_steps" VALUES(1,1,1,0,0,0,0,1000000,NULL,NULL);
INSERT INTO "build_steps" VALUES(1,2,2,0,0,0,1000000,1000000,NULL,NULL);
INSERT INTO "build_steps" VALUES(1,3,3,0,0,0,2000000,1000000,NULL,NULL);
INSERT INTO "build_steps" VALUES(2,1,1,0,0,0,0,1000000,NULL,NULL);
INSERT INTO "build_steps" VALUES(2,2,2,1,0,0,1000000,1000000,NULL,NULL);
INSERT INTO "build_steps" VALUES(2,3,3,1,0,0,2000000,1000000,NULL,NULL);
INSERT INTO "build_steps" VALUES(3,1,1,0,0,0,0,1000000,NULL,NULL);
INSERT INTO "build_steps" VALUES(3,2,2,0,0,0,1000000,1000000,NULL,NULL);
INSERT INTO "build_steps" VALUES(3,3,3,0,0,0,2000000,1000000,NULL,NULL);
INSERT INTO "build_steps" VALUES(4,1,1,0,0,0,0,1000000,NULL,NULL);
INSERT INTO "build_steps" VALUES(4,2,2,1,0,0,1000000,1000000,NULL,NULL);
INSERT INTO "build_steps" VALUES(4,3,3,1,0,0,2000000,1000000,NULL,NULL);
INSERT INTO "build_steps" VALUES(5,1,1,0,0,0,0,1000000,NULL,NULL);
INSERT INTO "build_steps" VALUES(5,2,2,0,0,0,1000000,1000000,NULL,NULL);
INSERT INTO "build_steps" VALUES(5,3,3,0,0,0,2000000,1000000,NULL,NULL);
INSERT INTO "build_steps" VALUES(6,1,1,0,0,0,0,1000000,NULL,NULL);
INSERT INTO "build_steps" VALUES(6,2,2,1,0,0,1000000,1000000,NULL,NULL);
INSERT INTO "build_steps" VALUES(6,3,3,1,0,0,2000000,1000000,NULL,NULL);
INSERT INTO "build_steps" VALUES(7,1,1,0,0,0,0,1000000,NULL,NULL);
INSERT INTO "build_steps" VALUES(7,2,2,0,0,0,1000000,1000000,NULL,NULL);
INSERT INTO "build_steps" VALUES(7,3,3,0,0,0,2000000,1000000,NULL,NULL);
INSERT INTO "build_steps" VALUES(8,1,1,0,0,0,0,1000000,NULL,NULL);
INSERT INTO "build_steps" VALUES(8,2,2,1,0,0,1000000,1000000,NULL,NULL);
INSERT INTO "build_steps" VALUES(8,3,3,1,0,0,2000000,1000000,NULL,NULL);
CREATE TABLE build_totals (
  image_name TEXT PRIMARY KEY,
  builds INTEGER NOT NULL DEFAULT 0,
  completed INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  all_us INTEGER NOT NULL DEFAULT 0,
  completed_us INTEGER NOT NULL DEFAULT 0,
  sized INTEGER NOT NULL DEFAULT 0,
  size_bytes INTEGER NOT NULL DEFAULT 0,
  ratios INTEGER NOT NULL DEFAULT 0,
  ratio_ppm INTEGER NOT NULL DEFAULT 0,
  min_us INTEGER,
  max_us INTEGER,
  last_sized_at TEXT,
  last_size_mb REAL
) WITHOUT ROWID;
INSERT INTO "build_totals" VALUES('cart',4,4,0,64000000,64000000,3,16000000,4,2500000,11500000,20500000,'2026-03-04T00:30:00.000Z',8.0);
INSERT INTO "build_totals" VALUES('shop',4,3,1,58000000,42000000,2,8000000,3,500000,10000000,19000000,'2026-03-03T03:30:00.000Z',5.0);
INSERT INTO "build_totals" VALUES('web',1,0,1,7500000,0,0,0,0,0,NULL,NULL,NULL,NULL);
CREATE TABLE build_warnings (
  build_id INTEGER NOT NULL REFERENCES docker_builds (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  rule TEXT NOT NULL,
  line INTEGER,
  message TEXT NOT NULL,
  PRIMARY KEY (build_id, position)
) WITHOUT ROWID;
INSERT INTO "build_warnings" VALUES(3,1,'StageNameCasing',2,'casing');
CREATE TABLE docker_builds (
  id INTEGER PRIMARY KEY,
  image_name TEXT NOT NULL,
  build_duration REAL NOT NULL,
  image_size_mb REAL NOT NULL,
  build_timestamp TEXT NOT NULL,
  timezone TEXT NOT NULL,
  dockerfile_path TEXT,
  build_args TEXT,
  success INTEGER NOT NULL,
  error_message TEXT,
  created_at TEXT NOT NULL,
  ref TEXT UNIQUE,
  source TEXT NOT NULL,
  status TEXT NOT NULL,
  started_at TEXT NOT NULL,
  completed_at TEXT NOT NULL,
  builder TEXT,
  platform TEXT,
  target TEXT,
  image_tags TEXT,
  image_digest TEXT,
  image_size_bytes INTEGER,
  size_kind TEXT,
  git_commit TEXT,
  git_branch TEXT,
  git_dirty INTEGER,
  git_remote TEXT,
  ci_run TEXT,
  ci_url TEXT,
  total_steps INTEGER,
  completed_steps INTEGER,
  cached_steps INTEGER,
  cache_ratio REAL,
  cache_class TEXT,
  saved_seconds REAL,
  critical_path_seconds REAL,
  context_bytes INTEGER,
  warnings INTEGER
, error_excerpt TEXT);
INSERT INTO "docker_builds" VALUES(1,'shop',10.0,0.0,'2026-03-02T07:30:00.000+08:00','Asia/Singapore',NULL,'{"PORT": "80"}',1,NULL,'2026-11-23T20:29:44Z','ref0','build','completed','2026-03-01T23:29:50.000Z','2026-03-01T23:30:00.000Z',NULL,NULL,NULL,'["shop:0"]','sha256:0',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,5,5,0,0.0,'cold',0.0,NULL,NULL,0,NULL);
INSERT INTO "docker_builds" VALUES(2,'cart',11.5,2.0,'2026-03-02T14:30:00.000+08:00','Asia/Singapore',NULL,'{"PORT": "80"}',1,NULL,'2026-11-23T20:29:44Z','ref1','build','completed','2026-03-02T06:29:48.500Z','2026-03-02T06:30:00.000Z',NULL,NULL,NULL,'["shop:1"]','sha256:0',2000000,'unpacked',NULL,NULL,NULL,NULL,NULL,NULL,5,5,1,1.0,'warm',0.0,NULL,NULL,0,NULL);
INSERT INTO "docker_builds" VALUES(3,'shop',13.0,3.0,'2026-03-02T21:30:00.000+08:00','Asia/Singapore',NULL,'{"PORT": "80"}',1,NULL,'2026-11-23T20:29:44Z','ref2','build','completed','2026-03-02T13:29:47.000Z','2026-03-02T13:30:00.000Z',NULL,NULL,NULL,'["shop:2"]','sha256:1',3000000,'unpacked',NULL,NULL,NULL,NULL,NULL,NULL,5,5,2,0.5,'partial',0.0,NULL,NULL,1,NULL);
INSERT INTO "docker_builds" VALUES(4,'cart',14.5,0.0,'2026-03-03T04:30:00.000+08:00','Asia/Singapore',NULL,'{"PORT": "80"}',1,NULL,'2026-11-23T20:29:44Z','ref3','build','completed','2026-03-02T20:29:45.500Z','2026-03-02T20:30:00.000Z',NULL,NULL,NULL,'["shop:3"]','sha256:1',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,5,5,0,0.0,'cold',0.0,NULL,NULL,0,NULL);
INSERT INTO "docker_builds" VALUES(5,'shop',16.0,5.0,'2026-03-03T11:30:00.000+08:00','Asia/Singapore',NULL,'{"PORT": "80"}',0,'it broke','2026-11-23T20:29:44Z','ref4','build','failed','2026-03-03T03:29:44.000Z','2026-03-03T03:30:00.000Z',NULL,NULL,NULL,'["shop:4"]','sha256:2',5000000,'unpacked',NULL,NULL,NULL,NULL,NULL,NULL,5,5,1,1.0,'warm',0.0,NULL,NULL,0,NULL);
INSERT INTO "docker_builds" VALUES(6,'cart',17.5,6.0,'2026-03-03T18:30:00.000+08:00','Asia/Singapore',NULL,'{"PORT": "80"}',1,NULL,'2026-11-23T20:29:44Z','ref5','build','completed','2026-03-03T10:29:42.500Z','2026-03-03T10:30:00.000Z',NULL,NULL,NULL,'["shop:5"]','sha256:2',6000000,'unpacked',NULL,NULL,NULL,NULL,NULL,NULL,5,5,2,0.5,'partial',0.0,NULL,NULL,0,NULL);
INSERT INTO "docker_builds" VALUES(7,'shop',19.0,0.0,'2026-03-04T01:30:00.000+08:00','Asia/Singapore',NULL,'{"PORT": "80"}',1,NULL,'2026-11-23T20:29:44Z','ref6','build','completed','2026-03-03T17:29:41.000Z','2026-03-03T17:30:00.000Z',NULL,NULL,NULL,'["shop:6"]','sha256:3',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,5,5,0,0.0,'cold',0.0,NULL,NULL,0,NULL);
INSERT INTO "docker_builds" VALUES(8,'cart',20.5,8.0,'2026-03-04T08:30:00.000+08:00','Asia/Singapore',NULL,'{"PORT": "80"}',1,NULL,'2026-11-23T20:29:44Z','ref7','build','completed','2026-03-04T00:29:39.500Z','2026-03-04T00:30:00.000Z',NULL,NULL,NULL,'["shop:7"]','sha256:3',8000000,'unpacked',NULL,NULL,NULL,NULL,NULL,NULL,5,5,1,1.0,'warm',0.0,NULL,NULL,0,NULL);
INSERT INTO "docker_builds" VALUES(9,'web',7.5,0.0,'2026-03-01T18:00:00.000+08:00','Asia/Singapore',NULL,'{}',0,'process "/bin/sh -c false" did not complete successfully: exit code: 1','2026-11-23T23:32:12Z','failed0000000000000000001','build','failed','2026-03-01T09:59:52.500Z','2026-03-01T10:00:00.000Z',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'Dockerfile:3
>>> RUN false');
CREATE TABLE image_layers (
  image_id INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  instruction_id INTEGER NOT NULL REFERENCES layer_instructions (id),
  bytes INTEGER NOT NULL,
  PRIMARY KEY (image_id, position)
) WITHOUT ROWID;
INSERT INTO "image_layers" VALUES(1,1,1,0);
INSERT INTO "image_layers" VALUES(1,2,2,5);
INSERT INTO "image_layers" VALUES(2,1,3,20);
INSERT INTO "image_layers" VALUES(2,2,2,5);
INSERT INTO "image_layers" VALUES(3,1,4,40);
INSERT INTO "image_layers" VALUES(3,2,2,5);
INSERT INTO "image_layers" VALUES(4,1,5,60);
INSERT INTO "image_layers" VALUES(4,2,2,5);
CREATE TABLE images (
  id INTEGER PRIMARY KEY,
  image_digest TEXT NOT NULL UNIQUE
);
INSERT INTO "images" VALUES(1,'sha256:0');
INSERT INTO "images" VALUES(2,'sha256:1');
INSERT INTO "images" VALUES(3,'sha256:2');
INSERT INTO "images" VALUES(4,'sha256:3');
CREATE TABLE imported_files (
  id INTEGER PRIMARY KEY,
  sha256 TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  format TEXT NOT NULL,
  rows_in INTEGER NOT NULL,
  rows_known INTEGER NOT NULL,
  rows_rejected INTEGER NOT NULL,
  imported_at TEXT NOT NULL
);
INSERT INTO "imported_files" VALUES(1,'ab','a.json','averages',1,0,0,'2026-03-01T00:00:00.000Z');
CREATE TABLE layer_instructions (
  id INTEGER PRIMARY KEY,
  instruction TEXT NOT NULL UNIQUE
);
INSERT INTO "layer_instructions" VALUES(1,'COPY 0 /');
INSERT INTO "layer_instructions" VALUES(2,'RUN make');
INSERT INTO "layer_instructions" VALUES(3,'COPY 1 /');
INSERT INTO "layer_instructions" VALUES(4,'COPY 2 /');
INSERT INTO "layer_instructions" VALUES(5,'COPY 3 /');
CREATE TABLE live_builds (
  ref TEXT PRIMARY KEY,
  image_name TEXT NOT NULL,
  builder TEXT NOT NULL,
  started_at TEXT NOT NULL,
  steps INTEGER NOT NULL,
  completed_steps INTEGER NOT NULL,
  cached_steps INTEGER NOT NULL,
  current_step TEXT,
  usual_duration REAL,
  recorder TEXT NOT NULL,
  updated_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE pruned_days (
  image_name TEXT NOT NULL,
  day TEXT NOT NULL,
  builds INTEGER NOT NULL,
  completed INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  all_us INTEGER NOT NULL,
  completed_us INTEGER NOT NULL,
  min_us INTEGER,
  max_us INTEGER,
  saved_us INTEGER NOT NULL,
  ratios INTEGER NOT NULL,
  ratio_ppm INTEGER NOT NULL,
  cold INTEGER NOT NULL,
  warm INTEGER NOT NULL,
  cold_us INTEGER NOT NULL,
  warm_us INTEGER NOT NULL,
  ratios_us INTEGER NOT NULL,
  last_size_mb REAL,
  PRIMARY KEY (image_name, day)
) WITHOUT ROWID;
INSERT INTO "pruned_days" VALUES('web','2025-01-25',1,1,0,2500000,2500000,2500000,2500000,0,0,0,0,0,0,0,0,NULL);
CREATE TABLE step_last_runs (
  image_name TEXT NOT NULL,
  step_key TEXT NOT NULL,
  completed_at TEXT NOT NULL,
  duration_us INTEGER NOT NULL,
  PRIMARY KEY (image_name, step_key)
) WITHOUT ROWID;
INSERT INTO "step_last_runs" VALUES('cart','0000000000000001','2026-03-04T00:30:00.000Z',1000000);
INSERT INTO "step_last_runs" VALUES('shop','0000000000000001','2026-03-03T17:30:00.000Z',1000000);
INSERT INTO "step_last_runs" VALUES('shop','0000000000000002','2026-03-03T17:30:00.000Z',1000000);
INSERT INTO "step_last_runs" VALUES('shop','0000000000000003','2026-03-03T17:30:00.000Z',1000000);
CREATE TABLE step_names (
  id INTEGER PRIMARY KEY,
  step_key TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  stage TEXT,
  step INTEGER,
  steps INTEGER,
  platform TEXT,
  instruction TEXT,
  UNIQUE (step_key, name)
);
INSERT INTO "step_names" VALUES(1,'0000000000000001','[1/3] RUN 1','run',NULL,1,3,NULL,NULL);
INSERT INTO "step_names" VALUES(2,'0000000000000002','[2/3] RUN 2','run',NULL,2,3,NULL,NULL);
INSERT INTO "step_names" VALUES(3,'0000000000000003','[3/3] RUN 3','run',NULL,3,3,NULL,NULL);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX builds_by_time ON docker_builds (completed_at);
CREATE INDEX builds_by_image ON docker_builds (image_name, completed_at, success, build_duration);
CREATE INDEX last_runs_by_step ON step_last_runs (step_key);
CREATE VIEW steps AS
SELECT
  s.build_id,
  s.position,
  n.stage,
  n.step,
  n.steps,
  n.platform,
  n.instruction,
  n.name,
  n.step_key,
  n.kind,
  s.cached,
  s.shared,
  s.started_us / 1e6 AS started,
  s.duration_us / 1e6 AS duration,
  s.critical,
  s.error,
  s.bytes,
  CASE WHEN s.shared THEN (s.duration_us - min(s.started_us, 0)) / 1e6 END AS raw_duration
FROM build_steps AS s
JOIN step_names AS n ON n.id = s.name_id;
CREATE VIEW build_layers AS
SELECT
  b.id AS build_id,
  l.position,
  n.instruction,
  l.bytes
FROM docker_builds AS b
JOIN images AS i ON i.image_digest = b.image_digest
JOIN image_layers AS l ON l.image_id = i.id
JOIN layer_instructions AS n ON n.id = l.instruction_id;
CREATE VIEW live AS
SELECT
  ref,
  image_name,
  builder,
  started_at,
  round((julianday('now') - julianday(started_at)) * 86400, 1) AS elapsed,
  usual_duration,
  steps,
  completed_steps,
  cached_steps,
  current_step
FROM live_builds
WHERE julianday(updated_at) > julianday('now') - 30 / 86400.0;
COMMIT;
