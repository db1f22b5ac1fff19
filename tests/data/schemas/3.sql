-- A history of schema 3, as that version of buildrec wrote it.
PRAGMA application_id = 1651664227;
PRAGMA user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'buildrec','1_tables','2026-11-25 02:10:35.034874+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'buildrec','2_days','2026-11-25 02:10:35.037112+00:00');
INSERT INTO "_sqlite_migrations" VALUES(3,'buildrec','3_alerts_inputs_benchmarks','2026-11-25 02:10:35.040171+00:00');
CREATE TABLE alert_events (
  id INTEGER PRIMARY KEY,
  alert_id INTEGER NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
  at TEXT NOT NULL,
  state TEXT NOT NULL,
  rule TEXT,
  note TEXT
);
INSERT INTO "alert_events" VALUES(1,1,'2026-03-04T00:00:00.000Z','open','recent',NULL);
CREATE TABLE alert_messages (
  group_key TEXT NOT NULL,
  state TEXT NOT NULL,
  channel TEXT NOT NULL,
  sent_at TEXT NOT NULL,
  PRIMARY KEY (group_key, state, channel)
) WITHOUT ROWID;
INSERT INTO "alert_messages" VALUES('ref4','open','log','2026-03-04T00:00:00.000Z');
CREATE TABLE alerts (
  id INTEGER PRIMARY KEY,
  image_name TEXT NOT NULL,
  platform TEXT,
  target TEXT,
  builder TEXT,
  cache_class TEXT,
  size_kind TEXT,
  metric TEXT NOT NULL,
  step_key TEXT,
  step_name TEXT,
  direction TEXT NOT NULL,
  state TEXT NOT NULL,
  first_build_id INTEGER REFERENCES docker_builds (id) ON DELETE SET NULL,
  first_ref TEXT,
  first_at TEXT NOT NULL,
  git_commit TEXT,
  ended_at TEXT,
  last_good_build_id INTEGER REFERENCES docker_builds (id) ON DELETE SET NULL,
  last_good_ref TEXT,
  last_good_commit TEXT,
  before_value REAL NOT NULL,
  after_value REAL NOT NULL,
  before_count INTEGER NOT NULL,
  after_count INTEGER NOT NULL,
  spread REAL,
  guilty_step_key TEXT,
  guilty_step_name TEXT,
  guilty_seconds REAL,
  rule TEXT NOT NULL,
  parameters TEXT NOT NULL,
  sentence TEXT NOT NULL,
  group_key TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
INSERT INTO "alerts" VALUES(1,'shop',NULL,NULL,NULL,'cold',NULL,'duration',NULL,NULL,'up','open',5,'ref4','2026-03-03T03:30:00.000Z',NULL,NULL,NULL,NULL,NULL,10.0,20.0,12,3,NULL,NULL,NULL,NULL,'recent','{}','shop got slower.','ref4','2026-03-04T00:00:00.000Z','2026-03-04T00:00:00.000Z');
CREATE TABLE benchmark_images (
  run_id INTEGER NOT NULL REFERENCES benchmark_runs (id) ON DELETE CASCADE,
  image_name TEXT NOT NULL,
  ref TEXT,
  built_at TEXT NOT NULL,
  build_duration REAL NOT NULL,
  image_size_mb REAL NOT NULL,
  PRIMARY KEY (run_id, image_name)
) WITHOUT ROWID;
INSERT INTO "benchmark_images" VALUES(1,'cart','ref7','2026-03-04T00:30:00.001Z',20.5063,8.0);
INSERT INTO "benchmark_images" VALUES(1,'shop','ref8','2026-03-04T07:30:00.001Z',22.0072,9.0);
CREATE TABLE benchmark_measurements (
  run_id INTEGER NOT NULL REFERENCES benchmark_runs (id) ON DELETE CASCADE,
  suite TEXT NOT NULL,
  benchmark TEXT NOT NULL,
  status TEXT NOT NULL,
  reason TEXT,
  unit TEXT NOT NULL,
  n INTEGER NOT NULL,
  mean REAL,
  median REAL,
  stdev REAL,
  min REAL,
  max REAL,
  loops INTEGER,
  processes INTEGER,
  peak_memory_bytes INTEGER,
  cpu_seconds REAL,
  figures TEXT NOT NULL,
  unstable TEXT NOT NULL,
  raw TEXT NOT NULL,
  PRIMARY KEY (run_id, suite, benchmark)
) WITHOUT ROWID;
INSERT INTO "benchmark_measurements" VALUES(1,'shop','sum','completed',NULL,'s',2,1.50000000000000022204e-01,1.50000000000000022204e-01,7.07106781186547517226e-02,0.1,0.2,NULL,1,NULL,NULL,'{}','[]','[[0.1,0.2]]');
CREATE TABLE benchmark_runs (
  id INTEGER PRIMARY KEY,
  ref TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  mode TEXT NOT NULL,
  copies INTEGER NOT NULL,
  quick INTEGER NOT NULL,
  status TEXT NOT NULL,
  started_at TEXT NOT NULL,
  completed_at TEXT,
  git_commit TEXT,
  git_branch TEXT,
  git_dirty INTEGER,
  git_remote TEXT,
  cpu TEXT,
  cpus INTEGER,
  cores INTEGER,
  memory_bytes INTEGER,
  system TEXT,
  python TEXT,
  versions TEXT NOT NULL,
  load_before REAL,
  load_after REAL
);
INSERT INTO "benchmark_runs" VALUES(1,'e10b42cde01e4ffdaf1776766d449ea2','suites','solo',1,0,'completed','2026-03-01T00:00:00.000Z','2026-11-25T02:10:35.306Z',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{}',NULL,0.5);
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
INSERT INTO "build_days" VALUES('cart','2026-03-02',2,2,0,26003600,26003600,11500900,14502700,2000002,2,1250000,0,1,0,14502700,26003600,2.0);
INSERT INTO "build_days" VALUES('cart','2026-03-03',1,0,0,17504500,0,NULL,NULL,0,0,0,0,0,0,0,0,6.0);
INSERT INTO "build_days" VALUES('cart','2026-03-04',1,1,0,20506300,20506300,20506300,20506300,2000002,1,1000000,0,1,0,20506300,20506300,8.0);
INSERT INTO "build_days" VALUES('shop','2026-03-02',1,1,0,13001800,13001800,13001800,13001800,2000002,1,500000,0,0,0,0,13001800,3.0);
INSERT INTO "build_days" VALUES('shop','2026-03-03',2,1,1,35009000,19005400,19005400,19005400,2000002,0,0,0,0,0,0,0,5.0);
INSERT INTO "build_days" VALUES('shop','2026-03-04',1,1,0,22007200,22007200,22007200,22007200,0,1,0,1,0,22007200,0,22007200,9.0);
CREATE TABLE build_inputs (
  build_id INTEGER PRIMARY KEY REFERENCES docker_builds (id) ON DELETE CASCADE,
  graph_id INTEGER REFERENCES input_parts (id),
  bases_id INTEGER REFERENCES input_parts (id),
  options_id INTEGER REFERENCES input_parts (id),
  settings_id INTEGER REFERENCES input_parts (id),
  files_id INTEGER REFERENCES input_parts (id)
);
INSERT INTO "build_inputs" VALUES(2,1,2,3,NULL,NULL);
INSERT INTO "build_inputs" VALUES(3,1,2,NULL,NULL,NULL);
INSERT INTO "build_inputs" VALUES(4,1,2,NULL,NULL,NULL);
INSERT INTO "build_inputs" VALUES(5,1,2,NULL,NULL,NULL);
INSERT INTO "build_inputs" VALUES(6,1,2,NULL,NULL,NULL);
INSERT INTO "build_inputs" VALUES(7,1,2,NULL,NULL,NULL);
INSERT INTO "build_inputs" VALUES(8,1,2,NULL,NULL,NULL);
INSERT INTO "build_inputs" VALUES(9,1,2,NULL,NULL,NULL);
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
INSERT INTO "build_statistics" VALUES(1,'shop',18.0048,5.66666666666666696272e+00,4,'2026-03-04T04:00:00.001-03:30','America/St_Johns','2026-11-25T02:10:35.136Z',3,1,13.0018,22.0072,19.0054,22.0072,22.0072,9.0,0.25,70.018);
INSERT INTO "build_statistics" VALUES(2,'cart',1.55033000000000011908e+01,5.33333333333333303727e+00,4,'2026-03-03T21:00:00.001-03:30','America/St_Johns','2026-11-25T02:10:35.131Z',3,0,11.5009,20.5063,14.5027,20.5063,20.5063,8.0,0.75,64.0144);
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
INSERT INTO "build_steps" VALUES(2,1,1,1,0,0,123,1000001,1000,NULL);
INSERT INTO "build_steps" VALUES(2,2,2,0,0,1,1000123,1000001,NULL,NULL);
INSERT INTO "build_steps" VALUES(2,3,3,0,0,0,2000123,1000001,NULL,NULL);
INSERT INTO "build_steps" VALUES(2,4,4,0,0,1,3000123,1000001,NULL,NULL);
INSERT INTO "build_steps" VALUES(3,1,1,1,0,0,246,1000001,2000,NULL);
INSERT INTO "build_steps" VALUES(3,2,2,1,0,0,1000246,1000001,NULL,NULL);
INSERT INTO "build_steps" VALUES(3,3,3,0,0,0,2000246,1000001,NULL,NULL);
INSERT INTO "build_steps" VALUES(3,4,4,0,0,1,3000246,1000001,NULL,NULL);
INSERT INTO "build_steps" VALUES(4,1,1,1,0,0,369,1000001,3000,NULL);
INSERT INTO "build_steps" VALUES(4,2,2,1,0,0,1000369,1000001,NULL,NULL);
INSERT INTO "build_steps" VALUES(4,3,3,1,0,0,2000369,1000001,NULL,NULL);
INSERT INTO "build_steps" VALUES(4,4,4,0,1,1,-250000,1000001,NULL,NULL);
INSERT INTO "build_steps" VALUES(5,1,1,0,0,1,492,1000001,4000,NULL);
INSERT INTO "build_steps" VALUES(5,2,2,0,0,1,1000492,1000001,NULL,NULL);
INSERT INTO "build_steps" VALUES(5,3,3,0,0,0,2000492,1000001,NULL,NULL);
INSERT INTO "build_steps" VALUES(5,4,4,0,0,1,3000492,1000001,NULL,'process "/bin/sh -c false" did not complete successfully: exit code: 1');
INSERT INTO "build_steps" VALUES(6,1,1,1,0,0,615,1000001,5000,NULL);
INSERT INTO "build_steps" VALUES(6,2,2,0,0,1,1000615,1000001,NULL,NULL);
INSERT INTO "build_steps" VALUES(6,3,3,0,0,0,2000615,1000001,NULL,NULL);
INSERT INTO "build_steps" VALUES(6,4,4,0,0,1,3000615,NULL,NULL,NULL);
INSERT INTO "build_steps" VALUES(7,1,1,1,0,0,738,1000001,6000,NULL);
INSERT INTO "build_steps" VALUES(7,2,2,1,0,0,1000738,1000001,NULL,NULL);
INSERT INTO "build_steps" VALUES(7,3,3,0,0,0,2000738,1000001,NULL,NULL);
INSERT INTO "build_steps" VALUES(7,4,4,0,0,1,3000738,1000001,NULL,NULL);
INSERT INTO "build_steps" VALUES(8,1,1,1,0,0,861,1000001,7000,NULL);
INSERT INTO "build_steps" VALUES(8,2,2,1,0,0,1000861,1000001,NULL,NULL);
INSERT INTO "build_steps" VALUES(8,3,3,1,0,0,2000861,1000001,NULL,NULL);
INSERT INTO "build_steps" VALUES(8,4,4,0,0,1,3000861,1000001,NULL,NULL);
INSERT INTO "build_steps" VALUES(9,1,1,0,0,1,984,1000001,8000,NULL);
INSERT INTO "build_steps" VALUES(9,2,2,0,0,1,1000984,1000001,NULL,NULL);
INSERT INTO "build_steps" VALUES(9,3,3,0,0,0,2000984,1000001,NULL,NULL);
INSERT INTO "build_steps" VALUES(9,4,4,0,0,1,3000984,1000001,NULL,NULL);
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
INSERT INTO "build_totals" VALUES('cart',4,3,0,64014400,46509900,3,16000000,3,2250000,11500900,20506300,'2026-03-04T00:30:00.001Z',8.0);
INSERT INTO "build_totals" VALUES('shop',4,3,1,70018000,54014400,3,17000000,2,500000,13001800,22007200,'2026-03-04T07:30:00.001Z',9.0);
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
INSERT INTO "docker_builds" VALUES(2,'cart',11.5009,2.0,'2026-03-02T14:30:00.000+08:00','Asia/Singapore',NULL,'{"PORT": "80"}',1,NULL,'2026-11-25T02:10:35Z','ref1','build','completed','2026-03-02T06:29:48.499Z','2026-03-02T06:30:00.000Z',NULL,NULL,NULL,'["shop:1"]','sha256:0',2000000,'unpacked',NULL,NULL,NULL,NULL,NULL,NULL,6,6,1,0.25,'partial',0.0,3.000003,NULL,0,NULL);
INSERT INTO "docker_builds" VALUES(3,'shop',13.0018,3.0,'2026-03-02T21:30:00.000+08:00','Asia/Singapore',NULL,'{"PORT": "80"}',1,NULL,'2026-11-25T02:10:35Z','ref2','build','completed','2026-03-02T13:29:46.998Z','2026-03-02T13:30:00.000Z',NULL,NULL,NULL,'["shop:2"]','sha256:1',3000000,'unpacked',NULL,NULL,NULL,NULL,NULL,NULL,6,6,2,0.5,'partial',2.000002,3.000003,NULL,1,NULL);
INSERT INTO "docker_builds" VALUES(4,'cart',14.5027,0.0,'2026-03-03T04:30:00.000+08:00','Asia/Singapore',NULL,'{"PORT": "80"}',1,NULL,'2026-11-25T02:10:35Z','ref3','build','completed','2026-03-02T20:29:45.497Z','2026-03-02T20:30:00.000Z',NULL,NULL,NULL,'["shop:3"]','sha256:1',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,6,6,3,1.0,'warm',2.000002,3.000003,NULL,0,NULL);
INSERT INTO "docker_builds" VALUES(5,'shop',16.0036,5.0,'2026-03-03T11:30:00.000+08:00','Asia/Singapore',NULL,'{"PORT": "80"}',0,'it broke','2026-11-25T02:10:35Z','ref4','build','failed','2026-03-03T03:29:43.997Z','2026-03-03T03:30:00.000Z',NULL,NULL,NULL,'["shop:4"]','sha256:2',5000000,'unpacked',NULL,NULL,NULL,NULL,NULL,NULL,6,6,0,0.0,'cold',0.0,3.000003,NULL,0,NULL);
INSERT INTO "docker_builds" VALUES(6,'cart',17.5045,6.0,'2026-03-03T07:00:00.000-03:30','America/St_Johns',NULL,'{"PORT": "80"}',0,NULL,'2026-11-25T02:10:35Z','ref5','build','canceled','2026-03-03T10:29:42.496Z','2026-03-03T10:30:00.000Z',NULL,NULL,NULL,'["shop:5"]','sha256:2',6000000,'unpacked',NULL,NULL,NULL,NULL,NULL,NULL,6,6,1,0.25,'partial',0.0,3.000003,NULL,0,NULL);
INSERT INTO "docker_builds" VALUES(7,'shop',19.0054,0.0,'2026-03-03T14:00:00.001-03:30','America/St_Johns',NULL,'{"PORT": "80"}',1,NULL,'2026-11-25T02:10:35Z','ref6','build','completed','2026-03-03T17:29:40.995Z','2026-03-03T17:30:00.001Z',NULL,NULL,NULL,'["shop:6"]','sha256:3',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,6,6,2,NULL,NULL,2.000002,3.000003,NULL,0,NULL);
INSERT INTO "docker_builds" VALUES(8,'cart',20.5063,8.0,'2026-03-03T21:00:00.001-03:30','America/St_Johns',NULL,'{"PORT": "80"}',1,NULL,'2026-11-25T02:10:35Z','ref7','build','completed','2026-03-04T00:29:39.494Z','2026-03-04T00:30:00.001Z',NULL,NULL,NULL,'["shop:7"]','sha256:3',8000000,'unpacked',NULL,NULL,NULL,NULL,NULL,NULL,6,6,3,1.0,'warm',2.000002,3.000003,NULL,0,NULL);
INSERT INTO "docker_builds" VALUES(9,'shop',22.0072,9.0,'2026-03-04T04:00:00.001-03:30','America/St_Johns',NULL,'{"PORT": "80"}',1,NULL,'2026-11-25T02:10:35Z','ref8','build','completed','2026-03-04T07:29:37.994Z','2026-03-04T07:30:00.001Z',NULL,NULL,NULL,'["shop:8"]','sha256:4',9000000,'unpacked',NULL,NULL,NULL,NULL,NULL,NULL,6,6,0,0.0,'cold',0.0,3.000003,NULL,0,NULL);
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
INSERT INTO "image_layers" VALUES(5,1,6,80);
INSERT INTO "image_layers" VALUES(5,2,2,5);
CREATE TABLE images (
  id INTEGER PRIMARY KEY,
  image_digest TEXT NOT NULL UNIQUE
);
INSERT INTO "images" VALUES(1,'sha256:0');
INSERT INTO "images" VALUES(2,'sha256:1');
INSERT INTO "images" VALUES(3,'sha256:2');
INSERT INTO "images" VALUES(4,'sha256:3');
INSERT INTO "images" VALUES(5,'sha256:4');
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
INSERT INTO "imported_files" VALUES(1,'00','old.json','JSON',0,0,1,'2026-03-04T00:00:00Z');
CREATE TABLE input_parts (
  id INTEGER PRIMARY KEY,
  digest INTEGER NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  base_id INTEGER REFERENCES input_parts (id),
  content TEXT NOT NULL
);
INSERT INTO "input_parts" VALUES(1,1173730316575791769,'graph',NULL,'-
0
1
2');
INSERT INTO "input_parts" VALUES(2,1482854743958347245,'bases',NULL,'busybox:1	sha256:00');
INSERT INTO "input_parts" VALUES(3,4481910056819404802,'options',NULL,'no-cache	');
CREATE TABLE judged_images (
  image_name TEXT PRIMARY KEY,
  judged TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO "judged_images" VALUES('shop','all');
CREATE TABLE layer_instructions (
  id INTEGER PRIMARY KEY,
  instruction TEXT NOT NULL UNIQUE
);
INSERT INTO "layer_instructions" VALUES(1,'COPY 0 /');
INSERT INTO "layer_instructions" VALUES(2,'CMD true');
INSERT INTO "layer_instructions" VALUES(3,'COPY 1 /');
INSERT INTO "layer_instructions" VALUES(4,'COPY 2 /');
INSERT INTO "layer_instructions" VALUES(5,'COPY 3 /');
INSERT INTO "layer_instructions" VALUES(6,'COPY 4 /');
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
INSERT INTO "pruned_days" VALUES('shop','2026-03-01',1,1,0,10000000,10000000,10000000,10000000,0,1,0,1,0,10000000,0,10000000,NULL);
CREATE TABLE step_last_runs (
  image_name TEXT NOT NULL,
  step_key TEXT NOT NULL,
  completed_at TEXT NOT NULL,
  duration_us INTEGER NOT NULL,
  PRIMARY KEY (image_name, step_key)
) WITHOUT ROWID;
INSERT INTO "step_last_runs" VALUES('cart','0000000000000002','2026-03-03T10:30:00.000Z',1000001);
INSERT INTO "step_last_runs" VALUES('cart','0000000000000003','2026-03-03T10:30:00.000Z',1000001);
INSERT INTO "step_last_runs" VALUES('cart','0000000000000004','2026-03-04T00:30:00.001Z',1000001);
INSERT INTO "step_last_runs" VALUES('shop','0000000000000001','2026-03-04T07:30:00.001Z',1000001);
INSERT INTO "step_last_runs" VALUES('shop','0000000000000002','2026-03-04T07:30:00.001Z',1000001);
INSERT INTO "step_last_runs" VALUES('shop','0000000000000003','2026-03-04T07:30:00.001Z',1000001);
INSERT INTO "step_last_runs" VALUES('shop','0000000000000004','2026-03-04T07:30:00.001Z',1000001);
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
INSERT INTO "step_names" VALUES(1,'0000000000000001','[1/4] RUN 1','run',NULL,1,4,NULL,NULL);
INSERT INTO "step_names" VALUES(2,'0000000000000002','[2/4] RUN 2','run',NULL,2,4,NULL,NULL);
INSERT INTO "step_names" VALUES(3,'0000000000000003','[3/4] RUN 3','run',NULL,3,4,NULL,NULL);
INSERT INTO "step_names" VALUES(4,'0000000000000004','[4/4] RUN 4','run',NULL,4,4,NULL,NULL);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX builds_by_time ON docker_builds (completed_at);
CREATE INDEX builds_by_image ON docker_builds (image_name, completed_at, success, build_duration);
CREATE INDEX last_runs_by_step ON step_last_runs (step_key);
CREATE UNIQUE INDEX standing_alerts ON alerts (image_name, metric, direction, ifnull(step_key, ''), ifnull(cache_class, ''), ifnull(platform, ''), ifnull(target, ''), ifnull(builder, ''), ifnull(size_kind, '')) WHERE state IN ('warning', 'open', 'confirmed');
CREATE INDEX alerts_by_image ON alerts (image_name, first_at);
CREATE INDEX alerts_by_time ON alerts (first_at);
CREATE INDEX alerts_by_group ON alerts (group_key);
CREATE INDEX alerts_by_first_build ON alerts (first_build_id);
CREATE INDEX alerts_by_last_good_build ON alerts (last_good_build_id);
CREATE INDEX events_by_alert ON alert_events (alert_id);
CREATE INDEX benchmark_runs_by_time ON benchmark_runs (started_at);
CREATE INDEX benchmark_runs_by_kind ON benchmark_runs (kind, started_at);
CREATE INDEX measurements_by_benchmark ON benchmark_measurements (suite, benchmark, run_id);
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
